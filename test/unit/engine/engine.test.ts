import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'

describe('what waits for the end of a script', () => {
  it('is done in the order in which it came, also what comes between the end and its turn', () => {
    const { engine } = createTestServer()
    const done: string[] = []
    const wait = (name: string): void => engine.whenIdle(() => void done.push(name))
    wait('nobody is busy')
    engine.gate.busy = 'BUSY'
    wait('first')
    engine.gate.busy = undefined
    wait('second')
    expect(done).toEqual(['nobody is busy'])
    engine.idle()
    wait('third')
    expect(done).toEqual(['nobody is busy', 'first', 'second', 'third'])
  })
})
