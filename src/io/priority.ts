// How urgent this process is to the kernel's scheduler.
import { getPriority, setPriority } from 'node:os'

/**
 * Makes this process more urgent: nice `nice`, from 19 (least) to -20. Does nothing where it is that urgent already or where the
 * kernel does not permit it (without CAP_SYS_NICE nobody may raise himself). Gives what it is now.
 */
export function raisePriority(nice: number): number {
  if (nice < getPriority()) {
    try {
      setPriority(nice)
    } catch {
      // as it is
    }
  }
  return getPriority()
}
