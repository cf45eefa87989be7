// math.random and math.randomseed of scripts, with the numbers that Redis gives: those of drand48, of which 31 bits are used. So a
// script with a seed of its own does the same on every machine.
import type { State } from './abi.ts'
import { type Lua, LuaFailure, type LuaFunction } from './lua.ts'

const HALF = 2 ** 24
/** 0x5DEECE66D and 11: the constants of drand48, in halves of 24 bits. */
const FACTOR_HIGH = 0x5de
const FACTOR_LOW = 0xece66d
const ADDEND = 11
const RANDOM_MAX = 2 ** 31 - 1

export function randomFunctions(lua: Lua): { random: LuaFunction; randomseed: LuaFunction } {
  const { api } = lua
  let high = 0x1234ab
  let low = 0xcd330e
  const next = (): number => {
    const product = low * FACTOR_LOW + ADDEND
    high = (high * FACTOR_LOW + low * FACTOR_HIGH + Math.floor(product / HALF)) % HALF
    low = product % HALF
    return high * 128 + (low >>> 17)
  }
  return {
    random(L: State): number {
      const unit = (next() % RANDOM_MAX) / RANDOM_MAX
      const count = api.lua_gettop(L)
      if (count > 2) throw new LuaFailure('wrong number of arguments')
      if (count === 0) {
        api.lua_pushnumber(L, unit)
        return 1
      }
      const lowest = count === 2 ? Math.trunc(lua.number(L, 1)) : 1
      const highest = Math.trunc(lua.number(L, count))
      if (lowest > highest) throw new LuaFailure('interval is empty', count)
      api.lua_pushnumber(L, Math.floor(unit * (highest - lowest + 1)) + lowest)
      return 1
    },
    randomseed(L: State): number {
      const seed = Math.trunc(lua.number(L, 1)) >>> 0
      high = seed >>> 8
      low = ((seed & 0xff) << 16) | 0x330e
      return 0
    },
  }
}
