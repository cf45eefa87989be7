// `vedette check <file>`: whether a file of data is whole, and if not, where and what is wrong. It writes only with --fix, only cuts
// off the torn end of a log, and only after the person there has said yes.
import { truncateSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import type { FileReport } from '../server/check-file.ts'
import { CliError, type Command, EXIT } from './command.ts'

interface CheckArgs {
  readonly file: string
  readonly fix: boolean
}

function line({ path, bytes, keys, commands, problem }: FileReport): string {
  const holds = `${bytes} bytes, ${keys} keys in a snapshot, ${commands} commands`
  return problem === undefined ? `${path}: whole (${holds})` : `${path}: ${problem} (${holds})`
}

/** Asks on the terminal, or whatever stands in its place; an end of input is a no. */
async function agrees(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  const answer = await Promise.race([terminal.question(question), ended])
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

async function fix({ path, bytes, wholeBytes }: FileReport): Promise<boolean> {
  if (wholeBytes === undefined) {
    console.log('This is not a torn end, so nothing is cut off: what follows may be whole.')
    return false
  }
  const question = `Cut ${path} to ${wholeBytes} bytes? The last ${bytes - wholeBytes} bytes are lost. [y/N] `
  if (!(await agrees(question))) {
    console.log('Nothing was changed.')
    return false
  }
  truncateSync(path, wholeBytes)
  console.log(`${path}: cut to ${wholeBytes} bytes, and whole now`)
  return true
}

async function check({ file, fix: mayFix }: CheckArgs): Promise<number> {
  // The server's code is large: only this command pays for it.
  const { checkFile } = await import('../server/check-file.ts')
  let reports: FileReport[]
  try {
    reports = checkFile(file)
  } catch (error) {
    throw new CliError((error as Error).message)
  }
  for (const report of reports) console.log(line(report))
  const bad = reports.find(({ problem }) => problem !== undefined)
  if (bad === undefined) return EXIT.ok
  if (mayFix && (await fix(bad))) return EXIT.ok
  if (!mayFix && bad.wholeBytes !== undefined) console.log('`vedette check --fix` cuts the torn end off.')
  return EXIT.failed
}

export const checkCommand: Command<CheckArgs> = {
  command: 'check <file>',
  description: 'Say whether an RDB, a file of an append-only log, or a manifest and all its files are whole',
  positionals: { file: { describe: 'The file; of a log best its .manifest' } },
  options: {
    fix: { describe: 'Cut off the torn end of a log, after asking', type: 'boolean', default: false },
  },
  examples: [
    ['vedette check dump.rdb', 'Reads all of a snapshot, and verifies its checksum'],
    ['vedette check --fix appendonlydir/appendonly.aof.manifest', 'After a crash, with the server stopped'],
  ],
  notes: 'With --fix: stop the server that writes the file first, and keep a copy.',
  handler: check,
}
