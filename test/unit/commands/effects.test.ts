// What is replicated is put together only while somebody hears of it.
import { expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'

it('says nothing while nobody hears, and the command in its deterministic form once somebody does', () => {
  const server = createTestServer()
  const client = server.connect()
  server.feeding = false
  client.call('XADD', 'events', '*', 'n', '1')
  expect(server.engine.effects.rewritten).toBeUndefined()
  expect(server.feed).toEqual([])
  server.feeding = true
  client.call('XADD', 'events', '*', 'n', '2')
  expect(server.feed).toEqual([`0: XADD events ${server.nowMs}-1 n 2`])
})
