// The name under which the process is listed: `proc-title-template` with its fields filled in.
import { basename } from 'node:path'
import type { TITLE_FIELDS } from '../config/special-values.ts'
import type { ServerConfig } from '../config/store.ts'

/** Sets the title, and sets it anew when the template changes. */
export function createProcessTitle(config: ServerConfig, configFile: string | undefined, port: () => number): void {
  const { values } = config
  if (!values['set-proc-title']) return
  const apply = (): void => {
    const address = values.bind[0]?.replace(/^-/, '') ?? '*'
    const fields: Record<(typeof TITLE_FIELDS)[number], string> = {
      // Started as node, it is called what it is.
      title: basename(process.argv0).startsWith('node') ? 'vedette-server' : process.argv0,
      'listen-addr': `${address}:${port()}`,
      'server-mode': '',
      port: String(port()),
      'tls-port': String(values['tls-port']),
      unixsocket: values.unixsocket,
      'config-file': configFile ?? '',
    }
    const title = values['proc-title-template'].replace(/\{([^{}]*)\}/g, (_, name) => fields[name as 'title'])
    process.title = title.trimEnd()
  }
  apply()
  config.onChange('proc-title-template', apply)
}
