// Assertions that stay on in production. An assertion states an invariant of our own code; it is never the answer to
// what a user or a network peer sent (those get a typed error from errors.ts).

/** Thrown when an invariant of Vedette itself is broken: a bug, never a user's mistake. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws InvariantError with the message unless the condition holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/** Marks a branch that the types rule out; a new variant of a union that is not handled does not compile. */
export function unreachable(value: never, message = 'unreachable'): never {
  throw new InvariantError(`${message}: ${String(value)}`)
}
