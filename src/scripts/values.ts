// Values across the boundary, as Redis converts them: the reply of a command becomes a value of Lua, and what a script returns
// becomes a reply. (https://redis.io/docs/latest/develop/programmability/lua-api/#data-type-conversion)

import { errorText } from '../errors.ts'
import { formatDouble } from '../lib/double.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import { BOOLEAN, NIL, NUMBER, STRING, type State, TABLE } from './abi.ts'
import type { Lua } from './lua.ts'

const CR = 13

/** Reads the replies of commands and pushes them. */
export class ReplyPusher {
  private readonly lua: Lua
  private bytes: Buffer = Buffer.alloc(0)
  private at = 0

  constructor(lua: Lua) {
    this.lua = lua
  }

  /** Pushes the reply at the beginning of the bytes. */
  push(L: State, bytes: Buffer): void {
    this.bytes = bytes
    this.at = 0
    this.value(L)
  }

  private value(L: State): void {
    const { lua } = this
    const { api } = lua
    const type = this.bytes[this.at]
    const start = this.at + 1
    let end = start
    while (this.bytes[end] !== CR) end++
    this.at = end + 2
    switch (type) {
      case 36: // $
        return this.bulk(L, start)
      case 58: // :
        return api.lua_pushnumber(L, this.integer(start))
      case 43: // +
        return this.wrapped(L, 'ok', start, end)
      case 45: // -
        return this.wrapped(L, 'err', start, end)
      case 42: // *
      case 62: // >
        return this.array(L, this.integer(start))
      case 95: // _
        return api.lua_pushnil(L)
      case 35: // #
        return api.lua_pushboolean(L, this.bytes[start] === 116 ? 1 : 0)
      case 44: // ,
        return this.double(L, start, end)
      case 40: // (
        return this.wrapped(L, 'big_number', start, end)
      case 37: // %
        return this.map(L, this.integer(start))
      case 126: // ~
        return this.set(L, this.integer(start))
      case 124: // |
        return this.attributed(L, this.integer(start))
      default: // =
        return this.verbatim(L, this.integer(start))
    }
  }

  private integer(start: number): number {
    const { bytes } = this
    const negative = bytes[start] === 45
    let n = 0
    for (let p = negative ? start + 1 : start; bytes[p] !== CR; p++) n = n * 10 + bytes[p]! - 48
    return negative ? -n : n
  }

  private bulk(L: State, start: number): void {
    const length = this.integer(start)
    if (length < 0) return this.lua.api.lua_pushboolean(L, 0)
    this.lua.push(L, this.bytes, this.at, this.at + length)
    this.at += length + 2
  }

  private wrapped(L: State, name: string, start: number, end: number): void {
    this.lua.api.lua_createtable(L, 0, 1)
    this.lua.push(L, this.bytes, start, end)
    this.lua.setField(L, name)
  }

  private array(L: State, length: number): void {
    const { api } = this.lua
    if (length < 0) return api.lua_pushboolean(L, 0)
    this.room(L)
    api.lua_createtable(L, length, 0)
    for (let i = 1; i <= length; i++) {
      this.value(L)
      api.lua_rawseti(L, -2, i)
    }
  }

  private double(L: State, start: number, end: number): void {
    const text = this.bytes.toString('latin1', start, end)
    const special: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN, '-nan': NaN }
    this.lua.api.lua_createtable(L, 0, 1)
    this.lua.api.lua_pushnumber(L, special[text] ?? Number(text))
    this.lua.setField(L, 'double')
  }

  private map(L: State, pairs: number): void {
    const { api } = this.lua
    this.room(L)
    api.lua_createtable(L, 0, 1)
    api.lua_createtable(L, 0, pairs)
    for (let i = 0; i < pairs; i++) {
      this.value(L)
      this.value(L)
      api.lua_rawset(L, -3)
    }
    this.lua.setField(L, 'map')
  }

  private set(L: State, length: number): void {
    const { api } = this.lua
    this.room(L)
    api.lua_createtable(L, 0, 1)
    api.lua_createtable(L, 0, length)
    for (let i = 0; i < length; i++) {
      this.value(L)
      api.lua_pushboolean(L, 1)
      api.lua_rawset(L, -3)
    }
    this.lua.setField(L, 'set')
  }

  /** A value with attributes before it, which no script sees. */
  private attributed(L: State, pairs: number): void {
    const { api } = this.lua
    const top = api.lua_gettop(L)
    for (let i = 0; i < pairs * 2; i++) {
      this.value(L)
      api.lua_settop(L, top)
    }
    this.value(L)
  }

  private verbatim(L: State, length: number): void {
    const { lua } = this
    lua.api.lua_createtable(L, 0, 1)
    lua.api.lua_createtable(L, 0, 2)
    lua.push(L, this.bytes, this.at + 4, this.at + length)
    lua.setField(L, 'string')
    lua.push(L, this.bytes, this.at, this.at + 3)
    lua.setField(L, 'format')
    lua.setField(L, 'verbatim_string')
    this.at += length + 2
  }

  private room(L: State): void {
    this.lua.api.lua_checkstack(L, 8)
  }
}

/** So deep tables may lie in each other: less than the stack of JavaScript bears. */
const DEPTH_MAX = 1000

/** Writes the value on the top, which goes, as a reply. `resp`: the protocol that the script asked for, which decides on booleans. */
export function writeValue(lua: Lua, L: State, reply: ReplyWriter, resp: 2 | 3, depth = 0): void {
  const { api } = lua
  if (depth > DEPTH_MAX || api.lua_checkstack(L, 4) === 0) reply.error(errorText('scriptStack'))
  else {
    switch (api.lua_type(L, -1)) {
      case STRING:
        reply.bulk(lua.bytes(L, -1)!)
        break
      case NUMBER:
        reply.int(toInteger(api.lua_tonumber(L, -1)))
        break
      case BOOLEAN:
        writeBoolean(reply, api.lua_toboolean(L, -1) === 1, resp)
        break
      case TABLE:
        writeTable(lua, L, reply, resp, depth + 1)
        break
      default:
        reply.null()
    }
  }
  api.lua_settop(L, -2)
}

function writeBoolean(reply: ReplyWriter, value: boolean, resp: 2 | 3): void {
  if (resp === 3) reply.bool(value)
  else if (value) reply.int(1)
  else reply.null()
}

/** A number as C converts it to a 64-bit integer on the machines that Redis runs on. */
function toInteger(n: number): number | bigint {
  if (Number.isSafeInteger(n)) return n === 0 ? 0 : n
  if (Math.abs(n) < 2 ** 53) return Math.trunc(n) + 0
  return Math.abs(n) < 2 ** 63 ? BigInt(n) : -(2n ** 63n)
}

function writeTable(lua: Lua, L: State, reply: ReplyWriter, resp: 2 | 3, depth: number): void {
  const { api } = lua
  const table = api.lua_gettop(L)
  const field = (name: string, type: number): boolean => {
    if (lua.getField(L, table, name) === type) return true
    api.lua_settop(L, table)
    return false
  }
  if (field('err', STRING)) writeError(reply, lua.bytes(L, -1)!)
  else if (field('ok', STRING)) writeLine(reply, '+', lua.bytes(L, -1)!)
  else if (field('double', NUMBER)) reply.double(formatDouble(api.lua_tonumber(L, -1)))
  else if (field('map', TABLE)) writeMap(lua, L, reply, resp, depth)
  else if (field('set', TABLE)) writeSet(lua, L, reply, resp, depth)
  else if (field('big_number', STRING)) writeBigNumber(reply, lua.bytes(L, -1)!)
  else if (field('verbatim_string', TABLE)) writeVerbatim(lua, L, reply)
  else writeArray(lua, L, reply, resp, depth)
  api.lua_settop(L, table)
}

/** Bytes on a line of their own, up to a zero byte as in Redis; line ends become blanks, so that nobody can forge a reply. */
function writeLine(reply: ReplyWriter, type: string, bytes: Buffer): void {
  reply.raw(Buffer.from(`${type}${withoutLineEnds(bytes)}\r\n`, 'latin1'))
}

/** An error has no blanks for the line ends at its end. */
function writeError(reply: ReplyWriter, bytes: Buffer): void {
  const text = bytes.toString('latin1').split('\0', 1)[0]!
  writeLine(reply, '-', Buffer.from(text.replace(/[\r\n]+$/, ''), 'latin1'))
}

const withoutLineEnds = (bytes: Buffer): string =>
  bytes
    .toString('latin1')
    .split('\0', 1)[0]!
    .replace(/[\r\n]/g, ' ')

function writeBigNumber(reply: ReplyWriter, digits: Buffer): void {
  if (reply.resp === 3) writeLine(reply, '(', digits)
  else reply.bulk(Buffer.from(withoutLineEnds(digits), 'latin1'))
}

function writeVerbatim(lua: Lua, L: State, reply: ReplyWriter): void {
  const table = lua.api.lua_gettop(L)
  lua.getField(L, table, 'format')
  lua.getField(L, table, 'string')
  const format = lua.bytes(L, table + 1)?.toString('latin1')
  const text = lua.bytes(L, table + 2)
  if (format === undefined || text === undefined) reply.array(0)
  else reply.verbatim(format.padEnd(3).slice(0, 3), text)
}

function countPairs(lua: Lua, L: State, table: number): number {
  let n = 0
  lua.api.lua_pushnil(L)
  while (lua.api.lua_next(L, table) !== 0) {
    n++
    lua.api.lua_settop(L, -2)
  }
  return n
}

function writeMap(lua: Lua, L: State, reply: ReplyWriter, resp: 2 | 3, depth: number): void {
  const { api } = lua
  const table = api.lua_gettop(L)
  reply.map(countPairs(lua, L, table))
  api.lua_pushnil(L)
  while (api.lua_next(L, table) !== 0) {
    api.lua_pushvalue(L, -2)
    writeValue(lua, L, reply, resp, depth)
    writeValue(lua, L, reply, resp, depth)
  }
}

function writeSet(lua: Lua, L: State, reply: ReplyWriter, resp: 2 | 3, depth: number): void {
  const { api } = lua
  const table = api.lua_gettop(L)
  reply.set(countPairs(lua, L, table))
  api.lua_pushnil(L)
  while (api.lua_next(L, table) !== 0) {
    api.lua_settop(L, -2)
    api.lua_pushvalue(L, -1)
    writeValue(lua, L, reply, resp, depth)
  }
}

/** Up to the first nil, as in Redis. */
function writeArray(lua: Lua, L: State, reply: ReplyWriter, resp: 2 | 3, depth: number): void {
  const { api } = lua
  const table = api.lua_gettop(L)
  const mark = reply.pos
  for (let i = 1; ; i++) {
    api.lua_rawgeti(L, table, i)
    if (api.lua_type(L, -1) === NIL) {
      reply.arrayAt(mark, i - 1)
      return
    }
    writeValue(lua, L, reply, resp, depth)
  }
}
