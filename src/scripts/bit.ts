// The library `bit` of scripts: operations on 32 bits, results signed (https://bitop.luajit.org/api.html).
import type { State } from './abi.ts'
import type { Lua, LuaFunction } from './lua.ts'

/** A number as 32 bits: rounded to the nearest integer, a half to the even one, then what is above the 32 bits goes. */
function toBits(n: number): number {
  const floor = Math.floor(n)
  const rest = n - floor
  return (rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor) | 0
}

export function bitLibrary(lua: Lua): Record<string, LuaFunction> {
  const { api } = lua
  const bits = (L: State, index: number): number => toBits(lua.number(L, index))
  const push = (L: State, n: number): number => {
    api.lua_pushnumber(L, n | 0)
    return 1
  }
  const one =
    (op: (a: number) => number): LuaFunction =>
    (L) =>
      push(L, op(bits(L, 1)))
  const shift =
    (op: (a: number, n: number) => number): LuaFunction =>
    (L) =>
      push(L, op(bits(L, 1), bits(L, 2) & 31))
  const all =
    (op: (a: number, b: number) => number): LuaFunction =>
    (L) => {
      let result = bits(L, 1)
      for (let i = 2; i <= api.lua_gettop(L); i++) result = op(result, bits(L, i))
      return push(L, result)
    }
  return {
    tobit: one((a) => a),
    bnot: one((a) => ~a),
    bswap: one((a) => (a << 24) | ((a & 0xff00) << 8) | ((a >>> 8) & 0xff00) | (a >>> 24)),
    band: all((a, b) => a & b),
    bor: all((a, b) => a | b),
    bxor: all((a, b) => a ^ b),
    lshift: shift((a, n) => a << n),
    rshift: shift((a, n) => a >>> n),
    arshift: shift((a, n) => a >> n),
    rol: shift((a, n) => (a << n) | (a >>> (32 - n))),
    ror: shift((a, n) => (a >>> n) | (a << (32 - n))),
    tohex(L) {
      const digits = api.lua_gettop(L) > 1 ? bits(L, 2) : 8
      const text = (bits(L, 1) >>> 0)
        .toString(16)
        .padStart(8, '0')
        .slice(-Math.min(8, Math.abs(digits)))
      lua.pushText(L, digits === 0 ? '' : digits < 0 ? text.toUpperCase() : text)
      return 1
    },
  }
}
