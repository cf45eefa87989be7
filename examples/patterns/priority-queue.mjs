// A queue of jobs by priority, and within one in the order in which they came: a sorted set, from which workers wait to take the first.
// `node priority-queue.mjs [group] [host:port of one sentinel]`
import { demonstrate } from './demonstrate.mjs'

/** Jobs of one priority before their numbers would run into the next one. */
const NUMBERS = 2 ** 40

/** Adds a job; those of a lower number come first. */
export async function push(redis, queue, job, priority) {
  const number = await redis.incr(`${queue}:number`)
  await redis.zadd(queue, priority * NUMBERS + (number % NUMBERS), JSON.stringify({ number, job }))
}

/** Takes the next job; waits so many seconds for one. Undefined if none came. Use a connection of its own: it waits. */
export async function take(redis, queue, seconds) {
  const taken = await redis.bzpopmin(queue, seconds)
  return taken === null ? undefined : JSON.parse(taken[1]).job
}

await demonstrate(import.meta.filename, async (redis) => {
  await push(redis, 'jobs', 'clean up', 9)
  await push(redis, 'jobs', 'answer ada', 1)
  await push(redis, 'jobs', 'answer bob', 1)
  for (let i = 0; i < 3; i++) console.log(await take(redis, 'jobs', 1))
})
