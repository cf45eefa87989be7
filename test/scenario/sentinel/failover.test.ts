// Failovers as transcripts: what three sentinels tell the world, in order and with the model's milliseconds. A change of
// behaviour shows as a difference here and must be understood before it is accepted.
import { describe, expect, it } from 'vitest'
import { at, createWorld, type World } from './world.ts'

const since = (world: World, act: () => void, forMs: number): string[] => {
  const from = world.transcript.length
  act()
  world.run(forMs)
  return world.transcript.slice(from)
}

describe('a crash of the primary', () => {
  it('is told step by step', () => {
    const world = createWorld()
    world.servers.get('10.0.0.1:3')!.offset = 200
    world.run(2_000)
    const lines = since(world, () => world.kill(at(1)), 400)
    expect(lines).toMatchInlineSnapshot(`
      [
        "2002 a +sdown master m 10.0.0.1 1",
        "2002 b +sdown master m 10.0.0.1 1",
        "2002 c +sdown master m 10.0.0.1 1",
        "2003 b +odown master m 10.0.0.1 1 #quorum 2/2",
        "2003 c +odown master m 10.0.0.1 1 #quorum 2/2",
        "2003 a +odown master m 10.0.0.1 1 #quorum 2/2",
        "2005 a +new-epoch 1",
        "2005 a +try-failover master m 10.0.0.1 1",
        "2005 a +vote-for-leader aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1",
        "2005 a +elected-leader master m 10.0.0.1 1",
        "2005 a +failover-state-select-slave master m 10.0.0.1 1",
        "2005 a +selected-slave slave 10.0.0.1:3 10.0.0.1 3 @ m 10.0.0.1 1",
        "2005 a +failover-state-send-slaveof-noone slave 10.0.0.1:3 10.0.0.1 3 @ m 10.0.0.1 1",
        "2005 a +failover-state-wait-promotion slave 10.0.0.1:3 10.0.0.1 3 @ m 10.0.0.1 1",
        "2005 b +new-epoch 1",
        "2005 b +vote-for-leader aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1",
        "2005 c +new-epoch 1",
        "2005 c +vote-for-leader aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1",
        "2006 a -role-change slave 10.0.0.1:3 10.0.0.1 3 @ m 10.0.0.1 1 new reported role is master",
        "2006 a +promoted-slave slave 10.0.0.1:3 10.0.0.1 3 @ m 10.0.0.1 1",
        "2008 a +switch-master m 10.0.0.1 1 10.0.0.1 3",
        "2008 a +slave slave 10.0.0.1:1 10.0.0.1 1 @ m 10.0.0.1 3",
        "2008 a +slave slave 10.0.0.1:2 10.0.0.1 2 @ m 10.0.0.1 3",
        "2008 a +sdown slave 10.0.0.1:1 10.0.0.1 1 @ m 10.0.0.1 3",
        "2008 a +failover-state-reconf-slaves master m 10.0.0.1 3",
        "2008 a +slave-reconf-sent slave 10.0.0.1:2 10.0.0.1 2 @ m 10.0.0.1 3",
        "2008 b +config-update-from sentinel aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 10.0.0.1 100 @ m 10.0.0.1 1",
        "2008 b +switch-master m 10.0.0.1 1 10.0.0.1 3",
        "2008 b +slave slave 10.0.0.1:1 10.0.0.1 1 @ m 10.0.0.1 3",
        "2008 b +slave slave 10.0.0.1:2 10.0.0.1 2 @ m 10.0.0.1 3",
        "2008 b +sdown slave 10.0.0.1:1 10.0.0.1 1 @ m 10.0.0.1 3",
        "2008 c +config-update-from sentinel aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 10.0.0.1 100 @ m 10.0.0.1 1",
        "2008 c +switch-master m 10.0.0.1 1 10.0.0.1 3",
        "2008 c +slave slave 10.0.0.1:1 10.0.0.1 1 @ m 10.0.0.1 3",
        "2008 c +slave slave 10.0.0.1:2 10.0.0.1 2 @ m 10.0.0.1 3",
        "2008 c +sdown slave 10.0.0.1:1 10.0.0.1 1 @ m 10.0.0.1 3",
        "2031 a +slave-reconf-inprog slave 10.0.0.1:2 10.0.0.1 2 @ m 10.0.0.1 3",
        "2031 a +slave-reconf-done slave 10.0.0.1:2 10.0.0.1 2 @ m 10.0.0.1 3",
        "2033 a +failover-end master m 10.0.0.1 3",
        "2151 b +role-change master m 10.0.0.1 3 new reported role is master",
        "2151 c +role-change master m 10.0.0.1 3 new reported role is master",
      ]
    `)
  })
})
