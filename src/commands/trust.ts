// Whom the options `enable-debug-command`, `enable-module-command` and `enable-protected-configs` allow what they guard.

import type { Session } from '../facade/session.ts'

/** Whether the setting trusts the session: everybody, or clients of this machine only. */
export function isTrusted(setting: 'no' | 'yes' | 'local', session: Session): boolean {
  if (setting === 'local') return session.outlet.peerIsLoopback
  return setting === 'yes'
}
