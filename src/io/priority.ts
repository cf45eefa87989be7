// How urgent this process is to the kernel's scheduler.
//
// Linux keeps that for each thread, and by the time a program's first line runs there are threads already: those that write files
// and help the garbage collector. The main thread waits for both, so all are raised. Threads that start later take it over from the
// one that starts them.
import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * Makes this process more urgent: nice `nice`, from 19 (least) to -20. Does nothing where it is that urgent already or where the
 * kernel does not permit it (without CAP_SYS_NICE nobody may raise himself). Gives what it is now.
 */
export function raisePriority(nice: number): number {
  for (const thread of threadsOf(process.pid)) raiseThread(thread, nice)
  return getPriority()
}

/** Their ids; elsewhere than on Linux the process stands for all of them. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return [pid]
  }
}

function raiseThread(thread: number, nice: number): void {
  try {
    if (nice < getPriority(thread)) setPriority(thread, nice)
  } catch {
    // It has ended meanwhile, or it is not permitted: as it is.
  }
}
