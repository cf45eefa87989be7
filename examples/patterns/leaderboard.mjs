// A leaderboard: a sorted set of players by points. `node leaderboard.mjs [group] [host:port of one sentinel]`
import { demonstrate } from './demonstrate.mjs'

/** Gives a player more points; how many there are now. */
export async function award(redis, board, player, points) {
  return Number(await redis.zincrby(board, points, player))
}

/** The best players with their points, the best first. */
export async function top(redis, board, count) {
  const flat = await redis.zrange(board, 0, count - 1, 'REV', 'WITHSCORES')
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ player: flat[2 * i], points: Number(flat[2 * i + 1]) }))
}

/** The place of a player, 1 for the best; undefined if there is no such player. */
export async function placeOf(redis, board, player) {
  const above = await redis.zrevrank(board, player)
  return above === null ? undefined : above + 1
}

await demonstrate(import.meta.filename, async (redis) => {
  for (const [player, points] of [
    ['ada', 30],
    ['bob', 20],
    ['eve', 25],
    ['bob', 15],
  ])
    await award(redis, 'board', player, points)
  console.log(await top(redis, 'board', 2), 'eve is at place', await placeOf(redis, 'board', 'eve'))
})
