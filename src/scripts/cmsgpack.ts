// The library `cmsgpack` of scripts: MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md). Integers are packed in
// the smallest form; tables with the keys 1 to n are arrays, others maps; what lies deeper than 16 tables is nil.
// Bytes that are not text (bin 8 to 32) are refused, as in Redis, whose library is of the time before them.
import { BOOLEAN, NUMBER, STRING, type State, TABLE } from './abi.ts'
import { type Lua, LuaFailure, type LuaFunction } from './lua.ts'

const NESTING_MAX = 16

/** Pushes the library. */
export function pushCmsgpack(lua: Lua, L: State): void {
  lua.pushLibrary(L, cmsgpackFunctions(lua))
  for (const [name, text] of [
    ['_NAME', 'cmsgpack'],
    ['_VERSION', 'lua-cmsgpack 0.4.0'],
    ['_DESCRIPTION', 'MessagePack C implementation for Lua'],
  ] as const) {
    lua.pushText(L, text)
    lua.setField(L, name)
  }
}

function cmsgpackFunctions(lua: Lua): Record<string, LuaFunction> {
  const { api } = lua
  const unpack = (L: State, limit: number, offset: number): number => {
    const bytes = Buffer.from(lua.string(L, 1))
    if (offset < 0 || limit < 0)
      throw new LuaFailure(`Invalid request to unpack with offset of ${offset} and limit of ${bytes.length}.`)
    if (offset > bytes.length) throw new LuaFailure(`Start offset ${offset} greater than input length ${bytes.length}.`)
    const reader = new Reader(lua, bytes, offset)
    const bounded = limit > 0
    const before = api.lua_gettop(L)
    for (let n = 0; reader.at < bytes.length && (!bounded || n < limit); n++) {
      if (api.lua_checkstack(L, 8) === 0) throw new LuaFailure('too many results')
      reader.value(L)
    }
    const count = api.lua_gettop(L) - before
    if (!bounded) return count
    api.lua_pushnumber(L, reader.at < bytes.length ? reader.at : -1)
    api.lua_insert(L, before + 1)
    return count + 1
  }
  const optional = (L: State, index: number, otherwise: number): number =>
    api.lua_type(L, index) <= 0 ? otherwise : Math.trunc(lua.number(L, index))
  return {
    pack(L) {
      const count = api.lua_gettop(L)
      if (count === 0) throw new LuaFailure('MessagePack pack needs input.', 0)
      const parts: Buffer[] = []
      for (let i = 1; i <= count; i++) {
        api.lua_pushvalue(L, i)
        pack(lua, L, parts, 0)
        api.lua_settop(L, count)
      }
      lua.push(L, Buffer.concat(parts))
      return 1
    },
    unpack: (L) => unpack(L, 0, 0),
    unpack_one: (L) => unpack(L, 1, optional(L, 2, 0)),
    unpack_limit: (L) => unpack(L, Math.trunc(lua.number(L, 2)), optional(L, 3, 0)),
  }
}

/** The value on the top, which stays. */
function pack(lua: Lua, L: State, parts: Buffer[], depth: number): void {
  const { api } = lua
  switch (api.lua_type(L, -1)) {
    case STRING:
      packString(lua.bytes(L, -1)!, parts)
      return
    case NUMBER:
      parts.push(packNumber(api.lua_tonumber(L, -1)))
      return
    case BOOLEAN:
      parts.push(Buffer.of(api.lua_toboolean(L, -1) === 1 ? 0xc3 : 0xc2))
      return
    case TABLE:
      if (depth < NESTING_MAX && api.lua_checkstack(L, 4) === 1) return packTable(lua, L, parts, depth)
  }
  parts.push(Buffer.of(0xc0))
}

/** A type and a length: `small` with the length in its low bits below `bound`, else the one of `wider` that is wide enough. */
function head(small: number, bound: number, wider: readonly [number, number, number], length: number): Buffer {
  if (length < bound) return Buffer.of(small | length)
  if (length < 0x100 && wider[0] !== 0) return Buffer.of(wider[0], length)
  if (length < 0x10000) return Buffer.of(wider[1], length >> 8, length & 0xff)
  const bytes = Buffer.alloc(5)
  bytes[0] = wider[2]
  bytes.writeUInt32BE(length, 1)
  return bytes
}

function packString(bytes: Buffer, parts: Buffer[]): void {
  parts.push(head(0xa0, 32, [0xd9, 0xda, 0xdb], bytes.length), Buffer.from(bytes))
}

function packNumber(n: number): Buffer {
  if (Number.isInteger(n) && n >= -(2 ** 63) && n < 2 ** 63) return packInteger(n)
  const single = Math.fround(n) === n
  const bytes = Buffer.alloc(single ? 5 : 9)
  bytes[0] = single ? 0xca : 0xcb
  if (single) bytes.writeFloatBE(n, 1)
  else bytes.writeDoubleBE(n, 1)
  return bytes
}

function packInteger(n: number): Buffer {
  if (n >= 0 && n < 0x80) return Buffer.of(n)
  if (n < 0 && n >= -32) return Buffer.of(n & 0xff)
  const widths = [8, 16, 32, 64] as const
  const i = widths.findIndex((bits) => (n >= 0 ? n < 2 ** bits : n >= -(2 ** (bits - 1))))
  const width = widths[i]!
  const bytes = Buffer.alloc(1 + width / 8)
  bytes[0] = (n >= 0 ? 0xcc : 0xd0) + i
  if (width === 64) bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(n)), 1)
  else if (n >= 0) bytes.writeUIntBE(n, 1, width / 8)
  else bytes.writeIntBE(n, 1, width / 8)
  return bytes
}

function packTable(lua: Lua, L: State, parts: Buffer[], depth: number): void {
  const { api } = lua
  let entries = 0
  let max = 0
  let isArray = true
  api.lua_pushnil(L)
  while (api.lua_next(L, -2) !== 0) {
    entries++
    const key = api.lua_type(L, -2) === NUMBER ? api.lua_tonumber(L, -2) : 0
    if (key < 1 || !Number.isInteger(key)) isArray = false
    else max = Math.max(max, key)
    api.lua_settop(L, -2)
  }
  if (isArray && max === entries) {
    parts.push(head(0x90, 16, [0, 0xdc, 0xdd], entries))
    for (let i = 1; i <= entries; i++) {
      api.lua_rawgeti(L, -1, i)
      pack(lua, L, parts, depth + 1)
      api.lua_settop(L, -2)
    }
    return
  }
  parts.push(head(0x80, 16, [0, 0xde, 0xdf], entries))
  api.lua_pushnil(L)
  while (api.lua_next(L, -2) !== 0) {
    api.lua_pushvalue(L, -2)
    pack(lua, L, parts, depth + 1)
    api.lua_settop(L, -2)
    pack(lua, L, parts, depth + 1)
    api.lua_settop(L, -2)
  }
}

class Reader {
  at: number
  private readonly lua: Lua
  private readonly bytes: Buffer

  constructor(lua: Lua, bytes: Buffer, at: number) {
    this.lua = lua
    this.bytes = bytes
    this.at = at
  }

  /** Reads a value and pushes it. */
  value(L: State): void {
    const { api } = this.lua
    const type = this.bytes[this.take(1)]!
    if (type < 0x80) return api.lua_pushnumber(L, type)
    if (type < 0x90) return this.map(L, type & 15)
    if (type < 0xa0) return this.array(L, type & 15)
    if (type < 0xc0) return this.string(L, type & 31)
    if (type >= 0xe0) return api.lua_pushnumber(L, type - 0x100)
    if (type === 0xc0) return api.lua_pushnil(L)
    if (type === 0xc2 || type === 0xc3) return api.lua_pushboolean(L, type & 1)
    if (type === 0xca) return api.lua_pushnumber(L, this.bytes.readFloatBE(this.take(4)))
    if (type === 0xcb) return api.lua_pushnumber(L, this.bytes.readDoubleBE(this.take(8)))
    if (type >= 0xcc && type <= 0xcf) return api.lua_pushnumber(L, this.unsigned(1 << (type - 0xcc)))
    if (type >= 0xd0 && type <= 0xd3) return api.lua_pushnumber(L, this.signed(1 << (type - 0xd0)))
    if (type >= 0xd9 && type <= 0xdb) return this.string(L, this.unsigned(1 << (type - 0xd9)))
    if (type === 0xdc || type === 0xdd) return this.array(L, this.unsigned(type === 0xdc ? 2 : 4))
    if (type === 0xde || type === 0xdf) return this.map(L, this.unsigned(type === 0xde ? 2 : 4))
    throw new LuaFailure('Bad data format in input.')
  }

  private take(length: number): number {
    const { at } = this
    if (at + length > this.bytes.length) throw new LuaFailure('Missing bytes in input.')
    this.at += length
    return at
  }

  private unsigned(length: number): number {
    const at = this.take(length)
    return length === 8 ? Number(this.bytes.readBigUInt64BE(at)) : this.bytes.readUIntBE(at, length)
  }

  private signed(length: number): number {
    const at = this.take(length)
    return length === 8 ? Number(this.bytes.readBigInt64BE(at)) : this.bytes.readIntBE(at, length)
  }

  private string(L: State, length: number): void {
    const at = this.take(length)
    this.lua.push(L, this.bytes, at, at + length)
  }

  private room(L: State): void {
    if (this.lua.api.lua_checkstack(L, 4) === 0) throw new LuaFailure('Bad data format in input.')
  }

  private array(L: State, length: number): void {
    const { api } = this.lua
    this.room(L)
    api.lua_createtable(L, 0, 0)
    for (let i = 1; i <= length; i++) {
      this.value(L)
      api.lua_rawseti(L, -2, i)
    }
  }

  private map(L: State, pairs: number): void {
    const { api } = this.lua
    this.room(L)
    api.lua_createtable(L, 0, 0)
    for (let i = 0; i < pairs; i++) {
      this.value(L)
      // Neither nil nor NaN can be a key.
      const type = api.lua_type(L, -1)
      if (type === 0 || (type === NUMBER && Number.isNaN(api.lua_tonumber(L, -1))))
        throw new LuaFailure('Bad data format in input.')
      this.value(L)
      api.lua_rawset(L, -3)
    }
  }
}
