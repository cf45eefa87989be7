// What only DEBUG changes of a running server.

/** Settings of the running server that only DEBUG changes. */
export interface DebugSwitches {
  /** SET-SKIP-CHECKSUM-VALIDATION: checksums of payloads and snapshots are not looked at. */
  skipChecksums: boolean
  /** QUICKLIST-PACKED-THRESHOLD: bytes from which an element of a list has a node of its own; 0: as usual. */
  packedThresholdBytes: number
  /** SET-DISABLE-DENY-SCRIPTS: scripts may call all commands. */
  scriptsCallAll: boolean
  /** PAUSE-CRON: the housekeeping of ten times a second rests. */
  cronPaused: boolean
}

/** Switches as they are at the start. */
export function debugSwitches(): DebugSwitches {
  return { skipChecksums: false, packedThresholdBytes: 0, scriptsCallAll: false, cronPaused: false }
}
