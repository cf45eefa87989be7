// What a look-up throws that wants another type than the key has; the engine makes WRONGTYPE of it.

export class WrongTypeError extends Error {
  override readonly name = 'WrongTypeError'
}
