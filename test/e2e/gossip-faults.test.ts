// Gossip between processes that are killed and frozen: the others are not disturbed, and the pair heals by itself.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'

interface Peer {
  id: string
  host: string
  port: number
}
interface PeerProcess {
  child: ChildProcess
  peer: Peer
  connected: Set<string>
  received: { from: string; text: string }[]
}

const IO = join(dirname(VEDETTE_MAIN), '../io')
const PROGRAM = join(import.meta.dirname, '../support/gossip-peer.mjs')

let directory: string
let processes: PeerProcess[]
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vedette-gossip-'))
  processes = []
})
afterEach(() => {
  for (const { child } of processes) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

async function start(name: string, port = 0): Promise<PeerProcess> {
  const child = fork(PROGRAM, [IO, join(directory, name), String(port)], { execPath: VEDETTE_NODE })
  const started: PeerProcess = { child, peer: { id: '', host: '', port: 0 }, connected: new Set(), received: [] }
  processes.push(started)
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`peer ${name} ended with ${code}`)))
    child.on('message', (message: { ready?: Peer; id?: string; connected?: boolean; from?: string; text?: string }) => {
      if (message.ready !== undefined) {
        started.peer = message.ready
        resolve()
      } else if (message.from !== undefined) started.received.push({ from: message.from, text: message.text! })
      else if (message.connected === true) started.connected.add(message.id!)
      else started.connected.delete(message.id!)
    })
  })
  await ready
  return started
}

async function until(what: string, holds: () => boolean, again: () => void = () => {}): Promise<void> {
  const deadline = performance.now() + 40_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within 40 s: ${what}`)
    again()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function connectAll(all: PeerProcess[]): Promise<void> {
  for (const { child } of all) child.send({ peers: all.map(({ peer }) => peer) })
  await until('all are connected', () => all.every(({ connected }) => connected.size === all.length - 1))
}

/** Messages both ways, sent until they arrive. */
async function talk(a: PeerProcess, b: PeerProcess, text: string): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    await until(
      `${text} arrives`,
      () => to.received.some((each) => each.from === from.peer.id && each.text === text),
      () => from.child.send({ to: to.peer.id, text }),
    )
  }
}

async function trio(): Promise<[PeerProcess, PeerProcess, PeerProcess]> {
  const all = await Promise.all(['a', 'b', 'c'].map((name) => start(name)))
  await connectAll(all)
  return all as [PeerProcess, PeerProcess, PeerProcess]
}

describe('a peer', () => {
  it('that is killed is missed at once, and comes back under its ID', async () => {
    const [a, b, c] = await trio()
    a.child.kill('SIGKILL')
    await once(a.child, 'exit')
    await until('it is missed', () => !b.connected.has(a.peer.id) && !c.connected.has(a.peer.id))
    await talk(b, c, 'without a')
    const back = await start('a', a.peer.port)
    expect(back.peer).toEqual(a.peer)
    back.child.send({ peers: [a, b, c].map(({ peer }) => peer) })
    await until('all are connected', () => [back, b, c].every(({ connected }) => connected.size === 2))
    await talk(back, b, 'again')
    await talk(back, c, 'again')
  })

  it('that freezes for 8 s does not hold up the others, and heals', async () => {
    const [a, b, c] = await trio()
    a.child.kill('SIGSTOP')
    const thaw = setTimeout(() => a.child.kill('SIGCONT'), 8_000)
    for (let i = 0; i < 150; i++) {
      b.child.send({ to: a.peer.id, text: `late ${i}` })
      c.child.send({ to: b.peer.id, text: `meanwhile ${i}` })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    // All but what the link may lose in its first moments.
    expect(b.received.filter(({ text }) => text.startsWith('meanwhile')).length).toBeGreaterThan(140)
    clearTimeout(thaw)
    a.child.kill('SIGCONT')
    await talk(a, b, 'thawed')
    await talk(a, c, 'thawed')
    await talk(b, c, 'undisturbed')
    await until('all are connected', () => [a, b, c].every(({ connected }) => connected.size === 2))
  })

  it('that joins three, then five, reaches everyone', async () => {
    const three = await trio()
    const five = [...three, ...(await Promise.all(['d', 'e'].map((name) => start(name))))]
    await connectAll(five)
    await talk(five[4]!, five[0]!, 'new')
    await talk(five[3]!, five[4]!, 'both new')
  })
})
