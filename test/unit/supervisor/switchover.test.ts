// POST /failover: who may, from where, and how often one may be wrong.
import { beforeEach, expect, it } from 'vitest'
import type { PostRequest } from '../../../src/io/http.ts'
import type { OperatorRequest, OperatorResult } from '../../../src/sentinel/peer-message.ts'
import { createSwitchover } from '../../../src/supervisor/switchover.ts'

const TOKEN = 'a-token-of-an-operator'
const asked: OperatorRequest[] = []
const log: string[] = []
let result: OperatorResult
let nowMs: number

beforeEach(() => {
  asked.length = 0
  log.length = 0
  result = { ok: true, text: 'OK' }
  nowMs = 0
})

const handler = (token: string | undefined = TOKEN) =>
  createSwitchover({
    token,
    request: (request, answer) => {
      asked.push(request)
      answer(result)
    },
    onRefused: (why) => log.push(why),
    nowMs: () => nowMs,
  })

const GOOD = { host: 'sentinel:27379', origin: 'http://sentinel:27379', authorization: `Bearer ${TOKEN}` }
const post = (headers: Record<string, string>, body = '{"group":"m","typed":"m"}'): PostRequest => ({
  path: '/failover',
  query: new URLSearchParams(),
  header: (name) => headers[name],
  body,
})
const without = (name: keyof typeof GOOD): Record<string, string> =>
  Object.fromEntries(Object.entries(GOOD).filter(([key]) => key !== name))

it('asks for the switchover, and says what became of it', async () => {
  expect((await handler()(post(GOOD))).status).toBe(202)
  expect(asked).toEqual([{ kind: 'failover', group: 'm' }])
  result = { ok: false, text: 'INPROG Failover already in progress' }
  expect(await handler()(post(GOOD))).toEqual({ status: 409, body: 'INPROG Failover already in progress\n' })
})

it.each<[string, PostRequest, number]>([
  ['no token', post(without('authorization')), 401],
  ['a wrong token', post({ ...GOOD, authorization: `Bearer ${TOKEN}x` }), 401],
  ['a token without its word', post({ ...GOOD, authorization: TOKEN }), 401],
  ['no origin', post(without('origin')), 403],
  ['another origin', post({ ...GOOD, origin: 'http://evil.example' }), 403],
  ['another port', post({ ...GOOD, origin: 'http://sentinel:80' }), 403],
  ['an origin that is none', post({ ...GOOD, origin: 'null' }), 403],
  ['no group', post(GOOD, '{}'), 400],
  ['another name typed', post(GOOD, '{"group":"m","typed":"M"}'), 400],
  ['no JSON', post(GOOD, 'group=m'), 400],
  ['null', post(GOOD, 'null'), 400],
])('refuses %s', async (_, request, status) => {
  expect((await handler()(request)).status).toBe(status)
  expect(asked).toEqual([])
})

it('is off without a configured token, whatever is sent', async () => {
  const off = createSwitchover({
    token: undefined,
    request: () => expect.unreachable(),
    onRefused: () => {},
    nowMs: () => 0,
  })
  for (const authorization of ['', 'Bearer ', 'Bearer undefined'])
    expect((await off(post({ ...GOOD, authorization }))).status).toBe(403)
})

it('looks at no more tokens after ten wrong ones, for a minute', async () => {
  const one = handler()
  for (let i = 0; i < 10; i++) expect((await one(post({ ...GOOD, authorization: `Bearer ${i}` }))).status).toBe(401)
  expect((await one(post(GOOD))).status).toBe(429)
  expect(log).toHaveLength(10)
  nowMs = 60_001
  expect((await one(post(GOOD))).status).toBe(202)
})
