// Promise.withResolvers for Node 20, which libp2p's queues and locks need. To be imported before anything of libp2p.

interface Resolvers<T> {
  promise: Promise<T>
  resolve: (value: T | PromiseLike<T>) => void
  reject: (reason?: unknown) => void
}

const promises = Promise as unknown as { withResolvers?: <T>() => Resolvers<T> }

promises.withResolvers ??= <T>(): Resolvers<T> => {
  let resolve!: Resolvers<T>['resolve']
  let reject!: Resolvers<T>['reject']
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
