// The library `struct` of scripts: values to and from bytes, by a format (http://www.inf.puc-rio.br/~roberto/struct/). Sizes are
// those of the 64-bit machines that Redis runs on.
import { NUMBER, type State } from './abi.ts'
import { type Lua, LuaFailure, type LuaFunction } from './lua.ts'

const INTEGER_BYTES_MAX = 32
const ALIGN_MAX = 8
const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, i: 4, l: 8, t: 8 }

/** One item of a format: an option, its size, and how many bytes of padding come before it. */
interface Item {
  readonly option: string
  readonly size: number
  readonly padding: number
  readonly little: boolean
}

/** Goes through a format; where the item is to stand is told to `next`. */
class Format {
  private readonly text: string
  private at = 0
  private little = true
  private align = 1
  constructor(text: string) {
    this.text = text
  }

  /** The next item, if it begins at an offset; `known` is the size of `c0`. */
  next(offset: number): Item | undefined {
    for (;;) {
      const option = this.text[this.at++]
      if (option === undefined) return undefined
      if (option === ' ') continue
      if (option === '<' || option === '>') this.little = option === '<'
      else if (option === '!') this.align = this.alignment()
      else return this.item(option, offset)
    }
  }

  private alignment(): number {
    const n = this.digits() ?? ALIGN_MAX
    if (n === 0 || (n & (n - 1)) !== 0) throw new LuaFailure('alignment is not a power of 2')
    return n
  }

  private digits(): number | undefined {
    const match = /^\d+/.exec(this.text.slice(this.at, this.at + 10))
    if (match === null) return undefined
    this.at += match[0].length
    return Number(match[0])
  }

  private item(option: string, offset: number): Item {
    const size = this.size(option)
    const align = option === 'c' || option === 's' || option === 'x' ? 1 : Math.min(size, this.align)
    const padding = align > 1 && (align & (align - 1)) === 0 ? (align - (offset & (align - 1))) & (align - 1) : 0
    return { option, size, padding, little: this.little }
  }

  private size(option: string): number {
    switch (option) {
      case 'x':
        return 1
      case 'f':
        return 4
      case 'd':
        return 8
      case 's':
        return 0
      case 'c':
        return this.digits() ?? 1
    }
    const size = SIZES[option.toLowerCase()]
    if (size === undefined) throw new LuaFailure(`invalid format option '${option}'`, 1)
    const given = option === 'i' || option === 'I' ? this.digits() : undefined
    if (given !== undefined && given > INTEGER_BYTES_MAX)
      throw new LuaFailure(`integral size ${given} is larger than limit of ${INTEGER_BYTES_MAX}`)
    return given ?? size
  }
}

export function structLibrary(lua: Lua): Record<string, LuaFunction> {
  const { api } = lua
  return {
    pack(L) {
      const format = new Format(lua.string(L, 1).toString('latin1'))
      const parts: Buffer[] = []
      let offset = 0
      let arg = 2
      for (let item = format.next(0); item !== undefined; item = format.next(offset)) {
        const bytes = item.option === 'x' ? Buffer.alloc(1) : packed(lua, L, item, arg++)
        parts.push(Buffer.alloc(item.padding), bytes)
        offset += item.padding + bytes.length
      }
      lua.push(L, Buffer.concat(parts))
      return 1
    },
    unpack(L) {
      const format = new Format(lua.string(L, 1).toString('latin1'))
      const data = Buffer.from(lua.string(L, 2))
      let at = (api.lua_type(L, 3) <= 0 ? 1 : Math.trunc(lua.number(L, 3))) - 1
      if (at < 0) throw new LuaFailure('offset must be 1 or greater', 3)
      const before = api.lua_gettop(L)
      for (let item = format.next(at); item !== undefined; item = format.next(at)) {
        if (api.lua_checkstack(L, 3) === 0) throw new LuaFailure('too many results')
        at = unpacked(lua, L, item, data, at + item.padding, before)
      }
      api.lua_pushnumber(L, at + 1)
      return api.lua_gettop(L) - before
    },
    size(L) {
      const format = new Format(lua.string(L, 1).toString('latin1'))
      let offset = 0
      for (let item = format.next(0); item !== undefined; item = format.next(offset)) {
        if (item.option === 's') throw new LuaFailure("option 's' has no fixed size", 1)
        if (item.option === 'c' && item.size === 0) throw new LuaFailure("option 'c0' has no fixed size", 1)
        offset += item.padding + item.size
      }
      api.lua_pushnumber(L, offset)
      return 1
    },
  }
}

function packed(lua: Lua, L: State, { option, size, little }: Item, arg: number): Buffer {
  if (option === 's' || option === 'c') {
    const bytes = lua.string(L, arg)
    if (option === 's') return Buffer.concat([bytes, Buffer.alloc(1)])
    if (bytes.length < size) throw new LuaFailure('string too short', arg)
    return Buffer.from(size === 0 ? bytes : bytes.subarray(0, size))
  }
  const n = lua.number(L, arg)
  const bytes = Buffer.alloc(size)
  if (option === 'f' || option === 'd') {
    const write =
      option === 'f'
        ? little
          ? bytes.writeFloatLE
          : bytes.writeFloatBE
        : little
          ? bytes.writeDoubleLE
          : bytes.writeDoubleBE
    write.call(bytes, n, 0)
    return bytes
  }
  let rest = Number.isFinite(n) ? BigInt(Math.trunc(n)) : -(2n ** 63n)
  for (let i = 0; i < size; i++) {
    bytes[little ? i : size - 1 - i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** Reads an item at a place and pushes it; where the next one may begin. */
function unpacked(lua: Lua, L: State, item: Item, data: Buffer, at: number, before: number): number {
  const { api } = lua
  const { option, little } = item
  const short = (): LuaFailure => new LuaFailure('data string too short', 2)
  if (option === 's') {
    const end = at > data.length ? -1 : data.indexOf(0, at)
    if (end < 0) throw new LuaFailure('unfinished string in data')
    lua.push(L, data, at, end)
    return end + 1
  }
  let { size } = item
  if (option === 'c' && size === 0) {
    if (api.lua_gettop(L) === before || api.lua_type(L, -1) !== NUMBER)
      throw new LuaFailure("format 'c0' needs a previous size")
    size = Math.trunc(api.lua_tonumber(L, -1))
    api.lua_settop(L, -2)
  }
  if (size < 0 || at + size > data.length) throw short()
  if (option === 'c') lua.push(L, data, at, at + size)
  else if (option === 'f') api.lua_pushnumber(L, little ? data.readFloatLE(at) : data.readFloatBE(at))
  else if (option === 'd') api.lua_pushnumber(L, little ? data.readDoubleLE(at) : data.readDoubleBE(at))
  else if (option !== 'x') api.lua_pushnumber(L, integer(data, at, size, little, option === option.toLowerCase()))
  return at + size
}

function integer(data: Buffer, at: number, size: number, little: boolean, signed: boolean): number {
  let n = 0n
  for (let i = 0; i < size; i++) n = (n << 8n) | BigInt(data[little ? at + size - 1 - i : at + i]!)
  const bits = Math.min(size * 8, 64)
  return Number(signed ? BigInt.asIntN(bits, n) : BigInt.asUintN(bits, n))
}
