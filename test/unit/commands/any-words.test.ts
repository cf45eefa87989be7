// Whatever words a client sends, every command answers with whole replies and never throws anything but its error reply.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { allCommands } from '../../../src/commands/table.ts'
import { createTestServer, decodeAll } from '../../support/engine.ts'

const NAMES = [...allCommands().all()].map(({ fullName }) => fullName.split('|'))
const WORDS = [
  ...['0', '1', '2', '3', '-1', '999999999999', '9223372036854775807', '1.5', 'k', 'k2', '*', '', '\x00\xff\r\n'],
  ...[
    'on',
    'off',
    'yes',
    'no',
    'id',
    'type',
    'normal',
    'addr',
    'user',
    'default',
    'skipme',
    'get',
    'nx',
    'ex',
    'match',
  ],
  ...['auth', 'setname', 'filterby', 'pattern', 'aclcat', 'module', 'now', 'save', 'error', 'all', 'lib-name', 'help'],
]

it('every command answers any words', () => {
  const word = fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 6 }))
  const request = fc
    .tuple(fc.constantFrom(...NAMES), fc.array(word, { maxLength: 6 }))
    .map(([name, rest]) => [...name, ...rest])
  fc.assert(
    fc.property(fc.constantFrom('2', '3'), fc.array(request, { minLength: 1, maxLength: 40 }), (protocol, requests) => {
      const server = createTestServer({ 'enable-debug-command': 'yes' })
      const client = server.connect()
      client.call('HELLO', protocol)
      for (const argv of requests) {
        server.advance(7)
        const replies = decodeAll(client.raw(...argv))
        // Who waits is answered in the end.
        if (server.host.clients.unblock(client.session, 'unblock')) replies.push(...client.received())
        const silent =
          client.session.replyMode !== 'on' || client.closed || ['shutdown', 'psync', 'sync'].includes(argv[0]!)
        if (!silent && argv[0] !== 'client') expect(replies.length, argv.join(' ')).toBeGreaterThan(0)
        if (client.closed) break
      }
    }),
    { numRuns: 500 },
  )
})
