// Sets: what their commands replicate and publish, a model of plain JavaScript sets beside them in both encodings while
// snapshots are written, and what is left when the store is full.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestAll } from '../../../src/commands/digest.ts'
import type { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { Snapshot, type SnapshotEntry, type SnapshotSink } from '../../../src/keyspace/snapshot.ts'
import { ArenaFullError } from '../../../src/store/arena.ts'
import type { NodeBytes } from '../../../src/store/nodes.ts'
import type { Done, ElementOut, Walk } from '../../../src/store/walk.ts'
import { setForEach } from '../../../src/types/set.ts'
import { partsEncoding } from '../../../src/types/table.ts'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

const check = (cases: readonly Case[]): void => {
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
}
const A = ['SADD k a']
const AB = ['SADD k a b']

describe('what is replicated and published', () => {
  check([
    { line: 'SADD k a a', reply: '1', replicated: ['0: SADD k a a'], events: ['new 0/k', 'sadd 0/k'] },
    { before: A, line: 'SADD k a', reply: '0' },
    { before: A, line: 'SADD k a b', reply: '1', replicated: ['0: SADD k a b'], events: ['sadd 0/k'] },
    { before: AB, line: 'SREM k a none', reply: '1', replicated: ['0: SREM k a none'], events: ['srem 0/k'] },
    { before: A, line: 'SREM k a', reply: '1', replicated: ['0: SREM k a'], events: ['srem 0/k', 'del 0/k'] },
    { before: A, line: 'SREM k none', reply: '0' },
    {
      before: A,
      line: 'SMOVE k d a',
      reply: '1',
      replicated: ['0: SMOVE k d a'],
      events: ['srem 0/k', 'del 0/k', 'new 0/d', 'sadd 0/d'],
    },
    {
      before: [...AB, 'SADD d a'],
      line: 'SMOVE k d a',
      reply: '1',
      replicated: ['0: SMOVE k d a'],
      events: ['srem 0/k'],
    },
    { before: A, line: 'SMOVE k k a', reply: '1' },
    { before: A, line: 'SMOVE k d none', reply: '0' },
    // What was drawn by chance here is named to the replicas.
    { before: A, line: 'SPOP k', reply: 'a', replicated: ['0: SREM k a'], events: ['spop 0/k', 'del 0/k'] },
    { before: AB, line: 'SPOP k 5', reply: '[a b]', replicated: ['0: DEL k'], events: ['spop 0/k', 'del 0/k'] },
    { before: A, line: 'SPOP k 0', reply: '[]' },
    { line: 'SPOP k', reply: 'nil' },
    { before: A, line: 'SRANDMEMBER k -2', reply: '[a a]' },
    {
      before: A,
      line: 'SUNIONSTORE d k none',
      reply: '1',
      replicated: ['0: SUNIONSTORE d k none'],
      events: ['keymiss 0/none', 'new 0/d', 'sunionstore 0/d'],
    },
    {
      before: [...A, 'SET d x EX 100'],
      line: 'SINTERSTORE d k none',
      reply: '0',
      replicated: ['0: SINTERSTORE d k none'],
      events: ['keymiss 0/none', 'del 0/d'],
    },
    { before: A, line: 'SDIFFSTORE d none k', reply: '0', events: ['keymiss 0/none'] },
  ])

  it('names what several pops drew, and nothing else', () => {
    for (const members of [
      Array.from({ length: 300 }, (_, i) => String(i)),
      Array.from({ length: 4000 }, (_, i) => `m${i}`),
    ]) {
      for (const count of [2, 250]) {
        const { run, replicated } = openConsole()
        run(`SADD k ${members.join(' ')}`)
        replicated()
        const popped = run(`SPOP k ${count}`).slice(1, -1).split(' ')
        expect(new Set(popped).size).toBe(count)
        expect(replicated()).toEqual([`0: SREM k ${popped.join(' ')}`])
        const left = run('SMEMBERS k').slice(1, -1).split(' ')
        expect([...left, ...popped].sort()).toEqual([...members].sort())
      }
    }
  })

  it('names more than a thousand in several commands, to be run together', () => {
    const { run, replicated } = openConsole()
    run(`SADD k ${Array.from({ length: 5000 }, (_, i) => `m${i}`).join(' ')}`)
    replicated()
    run('SPOP k 3000')
    const commands = replicated()
    expect(commands.map((line) => line.split(' ').length)).toEqual([2, 3 + 1024, 3 + 1024, 3 + 952, 2])
    expect(run('SCARD k')).toBe('2000')
  })
})

describe('random members', () => {
  it.each([
    ['an intset', Array.from({ length: 9 }, (_, i) => String(i * 100_000))],
    ['a table', Array.from({ length: 9 }, (_, i) => `m${i}`)],
  ])('of %s are each as likely as any other', (_, members) => {
    const { run } = openConsole()
    run(`SADD k ${members.join(' ')}`)
    for (const line of ['SRANDMEMBER k', 'SRANDMEMBER k 1', 'SRANDMEMBER k 5', 'SRANDMEMBER k -4']) {
      const drawn = new Map<string, number>()
      for (let i = 0; i < 3000; i++) {
        for (const text of run(line).replace(/[[\]]/g, '').split(' ')) drawn.set(text, (drawn.get(text) ?? 0) + 1)
      }
      const total = [...drawn.values()].reduce((a, b) => a + b)
      for (const text of members) {
        const share = (drawn.get(text) ?? 0) / total
        expect(share, `${line}: ${text}`).toBeGreaterThan(0.8 / 9)
        expect(share, `${line}: ${text}`).toBeLessThan(1.2 / 9)
      }
    }
  })
})

// ---- the model ----

/** Integers of all widths, text that only looks like an integer, and lengths on both sides of where storage changes. */
const integer = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -30, max: 30 }).map(String) },
  fc.constantFrom('32768', '-32769', '2147483648', '-2147483649', '9223372036854775807', '-9223372036854775808'),
)
const text = fc.oneof(
  { weight: 8, arbitrary: fc.nat(40).map((n) => `m${n}`) },
  fc.constantFrom('', '01', '-0', '9223372036854775808', 'x'.repeat(70), 'y'.repeat(600), 'z'.repeat(70_000)),
)
const KEYS = ['a', 'b', 'c']
const key = fc.constantFrom(...KEYS)
const members = fc.oneof(
  fc.array(integer, { minLength: 1, maxLength: 12 }),
  fc.array(fc.oneof({ weight: 3, arbitrary: integer }, text), { minLength: 1, maxLength: 20 }),
)

type Model = Map<string, Set<string>>
const has = (model: Model, name: string): Set<string> => model.get(name) ?? new Set()
const put = (model: Model, name: string, set: Set<string>): number => {
  if (set.size === 0) model.delete(name)
  else model.set(name, set)
  return set.size
}
const intersection = (sets: Set<string>[]): Set<string> =>
  new Set([...sets[0]!].filter((member) => sets.every((set) => set.has(member))))
const union = (sets: Set<string>[]): Set<string> => new Set(sets.flatMap((set) => [...set]))
const difference = ([first, ...others]: Set<string>[]): Set<string> =>
  new Set([...first!].filter((member) => !others.some((set) => set.has(member))))

/** A command and what the model replies to it, after it was changed in the same way; sets are compared without order. */
type Step = (model: Model) => { readonly argv: string[]; readonly reply: unknown }
const OPERATIONS = { SINTER: intersection, SUNION: union, SDIFF: difference } as const
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(key, members).map(
      ([k, list]): Step =>
        (model) => {
          const before = has(model, k).size
          return { argv: ['SADD', k, ...list], reply: put(model, k, union([has(model, k), new Set(list)])) - before }
        },
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(key, members).map(
      ([k, list]): Step =>
        (model) => {
          const before = has(model, k).size
          return {
            argv: ['SREM', k, ...list],
            reply: before - put(model, k, difference([has(model, k), new Set(list)])),
          }
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(key, key, fc.oneof(integer, text)).map(
      ([from, to, member]): Step =>
        (model) => {
          const argv = ['SMOVE', from, to, member]
          if (!has(model, from).has(member)) return { argv, reply: 0 }
          put(model, from, difference([has(model, from), new Set([member])]))
          put(model, to, union([has(model, to), new Set([member])]))
          return { argv, reply: 1 }
        },
    ),
  },
  fc.tuple(key, members).map(
    ([k, list]): Step =>
      (model) => ({
        argv: ['SMISMEMBER', k, ...list],
        reply: list.map((member) => (has(model, k).has(member) ? 1 : 0)),
      }),
  ),
  fc.tuple(fc.constantFrom('SINTER', 'SUNION', 'SDIFF'), fc.array(key, { minLength: 1, maxLength: 3 })).map(
    ([name, keys]): Step =>
      (model) => ({
        argv: [name, ...keys],
        reply: OPERATIONS[name as 'SINTER'](keys.map((k) => has(model, k))),
      }),
  ),
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('SINTER', 'SUNION', 'SDIFF'), key, fc.array(key, { minLength: 1, maxLength: 3 }))
      .map(
        ([name, to, keys]): Step =>
          (model) => ({
            argv: [`${name}STORE`, to, ...keys],
            reply: put(model, to, OPERATIONS[name as 'SINTER'](keys.map((k) => has(model, k)))),
          }),
      ),
  },
  fc.tuple(fc.array(key, { minLength: 1, maxLength: 3 }), fc.nat(9)).map(
    ([keys, limit]): Step =>
      (model) => {
        const { size } = intersection(keys.map((k) => has(model, k)))
        return {
          argv: ['SINTERCARD', String(keys.length), ...keys, 'LIMIT', String(limit)],
          reply: limit === 0 ? size : Math.min(size, limit),
        }
      },
  ),
  fc.tuple(key, key).map(
    ([from, to]): Step =>
      (model) => {
        const argv = ['COPY', from, to, 'REPLACE']
        if (!model.has(from)) return { argv, reply: 0 }
        if (from !== to) put(model, to, new Set(has(model, from)))
        return { argv, reply: from === to ? expect.anything() : 1 }
      },
  ),
  key.map(
    (k): Step =>
      (model) => ({ argv: ['DEL', k], reply: model.delete(k) ? 1 : 0 }),
  ),
)

/** Puts together the sets that a snapshot hands over. */
class Collector implements SnapshotSink {
  readonly found: Model = new Map()

  private readonly space: Keyspace

  constructor(space: Keyspace) {
    this.space = space
  }

  private keep(key: string, members: string[]): void {
    expect(this.found.has(key), 'a key is handed over once').toBe(false)
    this.found.set(key, new Set(members))
    expect(members.length).toBe(this.found.get(key)!.size)
  }

  blob({ key }: SnapshotEntry, value: NodeBytes): void {
    const members: string[] = []
    setForEach({ nodes: this.space.nodes, encoding: 0, root: 0, ...value }, (m) => members.push(latin1(m)))
    this.keep(latin1(key), members)
  }

  // biome-ignore lint/correctness/useYield: no intset of this test is that long
  *hugeBlob(): Generator<number, void> {
    expect.unreachable()
  }

  *parts({ key, kind }: SnapshotEntry, nodes: Keyspace['nodes'], root: number, done: Done): Walk {
    const name = latin1(key)
    const members: string[] = []
    let count = -1
    const out: ElementOut = {
      length(n) {
        count = n
      },
      string: (bytes, start, end) => void members.push(Buffer.from(bytes.subarray(start, end)).toString('latin1')),
      begin: () => void members.push(''),
      part(bytes, start, end) {
        members.push(`${members.pop()}${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`)
      },
      double: () => expect.unreachable(),
    }
    yield* partsEncoding(kind).walk(nodes, root, out, done)
    expect(members.length).toBe(count)
    this.keep(name, members)
  }
}

const latin1 = ({ bytes, start, end }: NodeBytes): string => bytes.toString('latin1', start, end)
const plain = (model: Model): unknown => [...model].map(([name, set]) => [name, [...set].sort()]).sort()

describe('a snapshot', () => {
  it.each(['512', '4'])('is what the sets were at its cut, with intsets of up to %s members', (entries) => {
    const many = fc.tuple(key, fc.nat(500), fc.constantFrom('SADD', 'SREM')).map(
      ([k, from, name]): Step =>
        (model) => {
          const list = Array.from({ length: 800 }, (_, i) => `many ${from + i}`)
          const before = has(model, k).size
          const change = name === 'SADD' ? union : difference
          const after = put(model, k, change([has(model, k), new Set(list)]))
          return { argv: [name, k, ...list], reply: Math.abs(after - before) }
        },
    )
    const budget = fc.constantFrom(1, 1000, 40_000)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof({ weight: 3, arbitrary: step }, many), budget), { maxLength: 40, size: 'max' }),
        (steps) => {
          const server = createTestServer({ 'set-max-intset-entries': entries })
          const client = server.connect()
          const model: Model = new Map()
          let running: { walk: Snapshot; collector: Collector; cut: unknown } | undefined
          const goOn = (bytes: number): void => {
            if (running === undefined || running.walk.step(bytes)) return
            expect(plain(running.collector.found)).toEqual(running.cut)
            running = undefined
          }
          for (const [each, bytes] of steps) {
            client.call(...each(model).argv)
            goOn(bytes)
            if (running !== undefined) continue
            const collector = new Collector(server.keyspace)
            running = { walk: new Snapshot(server.keyspace, collector), collector, cut: plain(model) }
          }
          while (running !== undefined) goOn(50_000)
          const left = KEYS.filter((k) => model.has(k)).map((k) => [k, (client.call('SMEMBERS', k) as string[]).sort()])
          expect(left).toEqual(plain(model))
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('a model', () => {
  it.each(['512', '4', '0'])('agrees, with intsets of up to %s members', (entries) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const server = createTestServer({ 'set-max-intset-entries': entries, 'enable-debug-command': 'yes' })
        const client = server.connect()
        const model: Model = new Map()
        const same = (value: unknown): unknown =>
          value instanceof Set
            ? [...value].sort()
            : Array.isArray(value) && typeof value[0] === 'string'
              ? [...value].sort()
              : value
        for (const each of steps) {
          const { argv, reply } = each(model)
          const got = client.call(...argv)
          if (argv[0] === 'COPY' && argv[1] === argv[2]) continue
          expect({ argv, reply: same(got) }).toEqual({ argv, reply: same(reply) })
        }
        for (const k of KEYS) {
          const expected = [...has(model, k)].sort()
          expect(same(client.call('SMEMBERS', k))).toEqual(expected)
          expect(client.call('SCARD', k)).toBe(expected.length)
          const [cursor, found] = client.call('SSCAN', k, '0', 'COUNT', '100000') as [string, string[]]
          expect([cursor, [...found].sort()]).toEqual(['0', expected])
          if (expected.length === 0) continue
          // What it is dumped as gives the same set again, whatever the encodings were.
          const payload = client.call('DUMP', k) as string
          expect(client.call('RESTORE', 'restored', '0', payload, 'REPLACE')).toBe('OK')
          expect(same(client.call('SMEMBERS', 'restored'))).toEqual(expected)
          const [digest, restored] = client.call('DEBUG', 'DIGEST-VALUE', k, 'restored') as string[]
          expect(restored).toBe(digest)
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('a result', () => {
  it('becomes a table in the middle of integers without losing the one that was too many', () => {
    const { run } = openConsole()
    run('CONFIG SET set-max-intset-entries 3')
    run('SADD a 1 2')
    run('SADD b 11 12')
    run('SUNIONSTORE c a b')
    expect(run('OBJECT ENCODING c')).toBe('hashtable')
    expect(run('SMISMEMBER c 1 2 11 12')).toBe('[1 1 1 1]')
    expect(run('SCARD c')).toBe('4')
  })
})

describe('memory', () => {
  it('is given back, all of it', () => {
    const server = createTestServer()
    const client = server.connect()
    client.call('SADD', 'warm', 'a')
    client.call('DEL', 'warm')
    const before = server.keyspace.arena.usedBytes
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4000; i++) client.call('SADD', 'k', i < 700 ? String(i) : `member ${i}`)
      client.call('SUNION', 'k', 'none')
      client.call('SDIFFSTORE', 'k2', 'k', 'none')
      client.call('SPOP', 'k', '3500')
      client.call('SPOP', 'k', '500')
      client.call('SPOP', 'k2', '100000')
      while (server.keyspace.releaseSome()) {}
      expect(client.call('EXISTS', 'k', 'k2')).toBe(0)
    }
    expect(server.keyspace.arena.usedBytes).toBe(before)
  })

  it('that is not there leaves what was before, and replicates what was done', () => {
    for (const line of ['SADD k 5 6 lll', 'SMOVE k d a', 'SMOVE k fresh a', 'SUNIONSTORE d k d', 'SDIFF k none']) {
      for (let allowed = 0; allowed < 12; allowed++) {
        const { server, run, replicated } = openConsole()
        run(`SADD k a b ${'l'.repeat(600)}`)
        run('SADD d 1 2 3')
        const before = digestAll(server.keyspace).hex
        replicated()
        const { arena } = server.keyspace
        const { alloc } = arena
        let left = allowed
        arena.alloc = (units) => {
          if (left-- <= 0) throw new ArenaFullError('full')
          return alloc.call(arena, units)
        }
        const reply = run(line)
        arena.alloc = alloc
        const changed = digestAll(server.keyspace).hex !== before
        expect(replicated().length, `${line}: ${reply}`).toBe(changed ? 1 : 0)
        if (reply.startsWith('-') && !line.startsWith('SADD')) expect(changed, line).toBe(false)
        for (const k of ['k', 'd', 'fresh']) {
          const count = run(`SMEMBERS ${k}`) === '[]' ? 0 : run(`SMEMBERS ${k}`).split(' ').length
          expect(run(`SCARD ${k}`)).toBe(String(count))
        }
      }
    }
  })
})
