// CONFIG REWRITE on disk. Invariant: the file is either the old or the new one, whole, also after a crash.
import { closeSync, readFileSync, statSync } from 'node:fs'
import { rewriteConfig } from '../config/rewrite.ts'
import type { ServerConfig } from '../config/store.ts'
import { fail } from '../errors.ts'
import { replaceFile } from '../io/durable.ts'
import type { Log } from '../io/log.ts'

/** Rewrites the file so that it gives the settings in force. Throws CommandError; the old file is then as it was. */
export function rewriteConfigFile(
  path: string | undefined,
  config: ServerConfig,
  userLines: readonly string[],
  log: Log,
  all = false,
): void {
  if (path === undefined) fail('noConfigFile')
  try {
    const text = rewriteConfig(readFileSync(path, 'utf8'), config, config.values.aclfile === '' ? userLines : [], all)
    const mode = statSync(path).mode & 0o777
    closeSync(replaceFile(path, `${path}-${process.pid}.tmp`, Buffer.from(text), mode))
    log.notice(`CONFIG REWRITE executed with success: ${path}`)
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error)
    log.warning(`CONFIG REWRITE failed: ${why}`)
    fail('rewriteConfig', why)
  }
}
