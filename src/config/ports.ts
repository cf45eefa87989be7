// Ports that may be derived from the port of the Redis protocol: HTTP of both processes, gossip of the sentinels.
import { accept, type OptionType, port } from './values.ts'

/** A port; `auto`: derived from the RESP port (see `portChoices`). */
export const autoPort: OptionType<number | 'auto'> = {
  domain: 'auto | port (0–65535)',
  words: 'one',
  repeats: 'replaces',
  parse: (words) => (words[0]!.toLowerCase() === 'auto' ? accept('auto', 'auto') : port.parse(words)),
}

/** A port, `auto` as above, or `off`. */
export const optionalPort: OptionType<number | 'auto' | 'off'> = {
  ...autoPort,
  domain: 'auto | off | port (0–65535)',
  parse: (words) => (words[0]!.toLowerCase() === 'off' ? accept('off', 'off') : autoPort.parse(words)),
}

/**
 * The ports to try in order for an `auto` port (0 is any free one): `offset` above the RESP port, so that
 * processes on neighbouring ports do not meet; else any free one, which the log tells. A given port: only itself.
 */
export function portChoices(option: number | 'auto', respPort: number, offset: number): number[] {
  if (option !== 'auto') return [option]
  return respPort > 0 && respPort + offset <= 65535 ? [respPort + offset, 0] : [0]
}
