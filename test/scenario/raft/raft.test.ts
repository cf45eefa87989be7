// Replays every transcript beside this file and compares it with what it says. After a change that is meant:
// UPDATE=1 npx vitest run --project pure test/scenario/raft, then read the diff as carefully as the code's.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { replayTranscript } from './transcript.ts'

const transcripts = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.txt'))

describe('transcripts', () => {
  it.each(transcripts)('%s', (name) => {
    const path = join(import.meta.dirname, name)
    const written = readFileSync(path, 'utf8')
    const seen = replayTranscript(written)
    if (process.env.UPDATE) writeFileSync(path, seen)
    else expect(seen).toBe(written)
  })
})
