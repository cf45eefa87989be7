// Gives the memory of a buffer back to the system at once. The garbage collector would do that only when it comes by, and nothing
// makes it come while the heap itself does not grow.

let nobody: InstanceType<typeof MessageChannel>['port1'] | undefined

/** Lets go of a buffer that nobody uses any more: it is sent to a closed port, which takes it from all who have it and drops it. */
export function discard(memory: ArrayBuffer): void {
  if (nobody === undefined) {
    const { port1, port2 } = new MessageChannel()
    port2.close()
    nobody = port1
  }
  nobody.postMessage(memory, [memory])
}
