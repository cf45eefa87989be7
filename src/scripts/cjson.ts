// The library `cjson` of scripts, with the limits and errors of lua-cjson as Redis has it
// (https://kyne.au/~mark/software/lua-cjson-manual.html).
import { formatDigits } from '../lib/double.ts'
import { BOOLEAN, LIGHT_USERDATA, NUMBER, STRING, type State, TABLE } from './abi.ts'
import { type Lua, LuaFailure, type LuaFunction } from './lua.ts'

/** What scripts can set; it holds until the scripts are flushed. */
interface Settings {
  encodeDepthMax: number
  decodeDepthMax: number
  precision: number
  sparseConvert: boolean
  sparseRatio: number
  sparseSafe: number
  keepBuffer: boolean
  /** Numbers that JSON does not have: refused, or written as they are, or as null. */
  encodeInvalid: boolean | 'null'
  decodeInvalid: boolean
}

const ESCAPES: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  47: '\\/',
  92: '\\\\',
}
const UNESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  '"': '"',
  '/': '/',
  '\\': '\\',
}
const TOKENS: Readonly<Record<string, string>> = {
  '{': 'T_OBJ_BEGIN',
  '}': 'T_OBJ_END',
  '[': 'T_ARR_BEGIN',
  ']': 'T_ARR_END',
  ':': 'T_COLON',
  ',': 'T_COMMA',
}

/** Pushes the library. */
export function pushCjson(lua: Lua, L: State): void {
  const { api } = lua
  const settings: Settings = {
    encodeDepthMax: 1000,
    decodeDepthMax: 1000,
    precision: 14,
    sparseConvert: false,
    sparseRatio: 2,
    sparseSafe: 10,
    keepBuffer: true,
    encodeInvalid: false,
    decodeInvalid: true,
  }
  const numberSetting =
    (name: 'encodeDepthMax' | 'decodeDepthMax' | 'precision', max: number): LuaFunction =>
    (L) => {
      if (api.lua_gettop(L) > 0) {
        const n = Math.trunc(lua.number(L, 1))
        if (n < 1 || n > max) throw new LuaFailure(`expected integer between 1 and ${max}`, 1)
        settings[name] = n
      }
      api.lua_pushnumber(L, settings[name])
      return 1
    }
  const switchSetting =
    (name: 'keepBuffer' | 'decodeInvalid' | 'encodeInvalid'): LuaFunction =>
    (L) => {
      if (api.lua_gettop(L) > 0) {
        if (name === 'encodeInvalid' && lua.text(L, 1) === 'null') settings.encodeInvalid = 'null'
        else if (api.lua_type(L, 1) !== BOOLEAN) throw new LuaFailure(`invalid option '${lua.text(L, 1) ?? ''}'`, 1)
        else settings[name] = api.lua_toboolean(L, 1) === 1
      }
      const value = settings[name]
      if (value === 'null') lua.pushText(L, 'null')
      else api.lua_pushboolean(L, value ? 1 : 0)
      return 1
    }
  lua.pushLibrary(L, {
    encode(L) {
      if (api.lua_gettop(L) !== 1) throw new LuaFailure('expected 1 argument', 1)
      const parts: string[] = []
      new Encoder(lua, settings, parts).value(L, 0)
      lua.push(L, Buffer.from(parts.join(''), 'latin1'))
      return 1
    },
    decode(L) {
      if (api.lua_gettop(L) !== 1) throw new LuaFailure('expected 1 argument', 1)
      const bytes = lua.string(L, 1)
      if (bytes.length >= 2 && (bytes[0] === 0 || bytes[1] === 0))
        throw new LuaFailure('JSON parser does not support UTF-16 or UTF-32')
      new Decoder(lua, settings, bytes.toString('latin1')).whole(L)
      return 1
    },
    encode_sparse_array(L) {
      const count = api.lua_gettop(L)
      if (count > 0) settings.sparseConvert = api.lua_toboolean(L, 1) === 1
      if (count > 1) settings.sparseRatio = Math.trunc(lua.number(L, 2))
      if (count > 2) settings.sparseSafe = Math.trunc(lua.number(L, 3))
      api.lua_pushboolean(L, settings.sparseConvert ? 1 : 0)
      api.lua_pushnumber(L, settings.sparseRatio)
      api.lua_pushnumber(L, settings.sparseSafe)
      return 3
    },
    encode_max_depth: numberSetting('encodeDepthMax', 2 ** 31 - 1),
    decode_max_depth: numberSetting('decodeDepthMax', 2 ** 31 - 1),
    encode_number_precision: numberSetting('precision', 14),
    encode_keep_buffer: switchSetting('keepBuffer'),
    encode_invalid_numbers: switchSetting('encodeInvalid'),
    decode_invalid_numbers: switchSetting('decodeInvalid'),
  })
  api.lua_pushlightuserdata(L, 0)
  lua.setField(L, 'null')
  lua.pushText(L, 'cjson')
  lua.setField(L, '_NAME')
  lua.pushText(L, '2.1.0')
  lua.setField(L, '_VERSION')
}

class Encoder {
  private readonly lua: Lua
  private readonly settings: Settings
  private readonly parts: string[]

  constructor(lua: Lua, settings: Settings, parts: string[]) {
    this.lua = lua
    this.settings = settings
    this.parts = parts
  }

  /** Writes the value on the top, which stays. */
  value(L: State, depth: number): void {
    const { lua, parts } = this
    const { api } = lua
    const type = api.lua_type(L, -1)
    if (type === STRING) this.string(lua.bytes(L, -1)!)
    else if (type === NUMBER) parts.push(this.number(api.lua_tonumber(L, -1)))
    else if (type === BOOLEAN) parts.push(api.lua_toboolean(L, -1) === 1 ? 'true' : 'false')
    else if (type === TABLE) this.table(L, depth + 1)
    else if (type === 0 || (type === LIGHT_USERDATA && api.lua_touserdata(L, -1) === 0)) parts.push('null')
    else throw new LuaFailure(`Cannot serialise ${lua.typeName(L, -1)}: type not supported`)
  }

  private number(n: number): string {
    if (Number.isFinite(n)) return formatDigits(n, this.settings.precision)
    const { encodeInvalid } = this.settings
    if (encodeInvalid === 'null') return 'null'
    if (!encodeInvalid) throw new LuaFailure('Cannot serialise number: must not be NaN or Inf')
    return Number.isNaN(n) ? 'nan' : n > 0 ? 'inf' : '-inf'
  }

  private string(bytes: Buffer): void {
    let text = '"'
    let from = 0
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!
      if (byte >= 32 && byte !== 34 && byte !== 47 && byte !== 92 && byte !== 127) continue
      text += bytes.toString('latin1', from, i)
      text += ESCAPES[byte] ?? `\\u${byte.toString(16).padStart(4, '0')}`
      from = i + 1
    }
    this.parts.push(text, bytes.toString('latin1', from), '"')
  }

  private table(L: State, depth: number): void {
    const { api } = this.lua
    if (depth > this.settings.encodeDepthMax || api.lua_checkstack(L, 3) === 0)
      throw new LuaFailure(`Cannot serialise, excessive nesting (${depth})`)
    const length = this.arrayLength(L)
    if (length > 0) this.array(L, length, depth)
    else this.object(L, depth)
  }

  /** The length if all keys are positive integers and not too many are missing, -1 if it is an object. */
  private arrayLength(L: State): number {
    const { api } = this.lua
    const { sparseRatio, sparseSafe, sparseConvert } = this.settings
    let max = 0
    let items = 0
    api.lua_pushnil(L)
    while (api.lua_next(L, -2) !== 0) {
      const key = api.lua_type(L, -2) === NUMBER ? api.lua_tonumber(L, -2) : 0
      if (key < 1 || !Number.isInteger(key)) {
        api.lua_settop(L, -3)
        return -1
      }
      max = Math.max(max, key)
      items++
      api.lua_settop(L, -2)
    }
    if (sparseRatio > 0 && max > items * sparseRatio && max > sparseSafe) {
      if (!sparseConvert) throw new LuaFailure('Cannot serialise table: excessively sparse array')
      return -1
    }
    return max
  }

  private array(L: State, length: number, depth: number): void {
    const { api } = this.lua
    for (let i = 1; i <= length; i++) {
      this.parts.push(i === 1 ? '[' : ',')
      api.lua_rawgeti(L, -1, i)
      this.value(L, depth)
      api.lua_settop(L, -2)
    }
    this.parts.push(']')
  }

  private object(L: State, depth: number): void {
    const { lua, parts } = this
    const { api } = lua
    let before = '{'
    api.lua_pushnil(L)
    while (api.lua_next(L, -2) !== 0) {
      parts.push(before)
      before = ','
      const type = api.lua_type(L, -2)
      if (type === NUMBER) parts.push('"', this.number(api.lua_tonumber(L, -2)), '"')
      else if (type === STRING) this.string(lua.bytes(L, -2)!)
      else throw new LuaFailure(`Cannot serialise ${lua.typeName(L, -2)}: table key must be a number or string`)
      parts.push(':')
      this.value(L, depth)
      api.lua_settop(L, -2)
    }
    parts.push(before === '{' ? '{}' : '}')
  }
}

/** What stands at a place of the text. */
interface Token {
  readonly type: string
  readonly at: number
  /** Of a string, in latin1, and of a number. */
  readonly value?: string | number | boolean
  /** What is wrong with it. */
  readonly problem?: string
}

class Decoder {
  private readonly lua: Lua
  private readonly settings: Settings
  private readonly text: string
  private at = 0
  private depth = 0

  constructor(lua: Lua, settings: Settings, text: string) {
    this.lua = lua
    this.settings = settings
    this.text = text
  }

  whole(L: State): void {
    this.value(L, this.next())
    const rest = this.next()
    if (rest.type !== 'T_END') throw this.unexpected('the end', rest)
  }

  private value(L: State, token: Token): void {
    const { lua } = this
    const { api } = lua
    switch (token.type) {
      case 'T_STRING':
        return lua.push(L, Buffer.from(token.value as string, 'latin1'))
      case 'T_NUMBER':
        return api.lua_pushnumber(L, token.value as number)
      case 'T_BOOLEAN':
        return api.lua_pushboolean(L, token.value === true ? 1 : 0)
      case 'T_NULL':
        return api.lua_pushlightuserdata(L, 0)
      case 'T_OBJ_BEGIN':
        return this.object(L)
      case 'T_ARR_BEGIN':
        return this.array(L)
      default:
        throw this.unexpected('value', token)
    }
  }

  private enter(L: State): void {
    this.depth++
    if (this.depth > this.settings.decodeDepthMax || this.lua.api.lua_checkstack(L, 3) === 0)
      throw new LuaFailure(`Found too many nested data structures (${this.depth}) at character ${this.at}`)
  }

  private object(L: State): void {
    const { lua } = this
    this.enter(L)
    lua.api.lua_createtable(L, 0, 0)
    let token = this.next()
    if (token.type !== 'T_OBJ_END') {
      for (;;) {
        if (token.type !== 'T_STRING') throw this.unexpected('object key string', token)
        lua.push(L, Buffer.from(token.value as string, 'latin1'))
        token = this.next()
        if (token.type !== 'T_COLON') throw this.unexpected('colon', token)
        this.value(L, this.next())
        lua.api.lua_rawset(L, -3)
        token = this.next()
        if (token.type === 'T_OBJ_END') break
        if (token.type !== 'T_COMMA') throw this.unexpected('comma or object end', token)
        token = this.next()
      }
    }
    this.depth--
  }

  private array(L: State): void {
    const { api } = this.lua
    this.enter(L)
    api.lua_createtable(L, 0, 0)
    let token = this.next()
    if (token.type !== 'T_ARR_END') {
      for (let i = 1; ; i++) {
        this.value(L, token)
        api.lua_rawseti(L, -2, i)
        token = this.next()
        if (token.type === 'T_ARR_END') break
        if (token.type !== 'T_COMMA') throw this.unexpected('comma or array end', token)
        token = this.next()
      }
    }
    this.depth--
  }

  private unexpected(wanted: string, { type, at, problem }: Token): LuaFailure {
    return new LuaFailure(`Expected ${wanted} but found ${problem ?? type} at character ${at + 1}`)
  }

  private next(): Token {
    const { text } = this
    while (this.at < text.length && ' \t\n\r'.includes(text[this.at]!)) this.at++
    const at = this.at
    if (at >= text.length) return { type: 'T_END', at }
    const mark = TOKENS[text[at]!]
    if (mark !== undefined) {
      this.at++
      return { type: mark, at }
    }
    if (text[at] === '"') return this.string(at)
    for (const [word, type, value] of WORDS) {
      if (!text.startsWith(word, at)) continue
      this.at += word.length
      return { type, at, value }
    }
    return this.number(at)
  }

  private string(at: number): Token {
    const { text } = this
    let value = ''
    let p = at + 1
    for (;;) {
      const c = text[p]
      if (c === undefined || c === '\0') return { type: 'T_ERROR', at: p, problem: 'unexpected end of string' }
      if (c === '"') break
      if (c !== '\\') {
        value += c
        p++
        continue
      }
      const escaped = text[p + 1] ?? ''
      if (escaped === 'u') {
        const found = this.unicode(p)
        if (found === undefined) return { type: 'T_ERROR', at: p, problem: 'invalid unicode escape code' }
        value += Buffer.from(found.character).toString('latin1')
        p += found.length
        continue
      }
      const plain = UNESCAPES[escaped]
      if (plain === undefined) return { type: 'T_ERROR', at: p, problem: 'invalid escape code' }
      value += plain
      p += 2
    }
    this.at = p + 1
    return { type: 'T_STRING', at, value }
  }

  /** The character of `\uXXXX` at a place, or of two that are a pair. */
  private unicode(at: number): { character: string; length: number } | undefined {
    const unit = (p: number): number => {
      const match = /^\\u([0-9a-fA-F]{4})/.exec(this.text.slice(p, p + 6))
      return match === null ? -1 : Number.parseInt(match[1]!, 16)
    }
    const first = unit(at)
    if (first < 0 || (first & 0xfc00) === 0xdc00) return undefined
    if ((first & 0xfc00) !== 0xd800) return { character: String.fromCharCode(first), length: 6 }
    const second = unit(at + 6)
    if ((second & 0xfc00) !== 0xdc00) return undefined
    return { character: String.fromCharCode(first, second), length: 12 }
  }

  private number(at: number): Token {
    const rest = this.text.slice(at, at + 400)
    const match = /^[-+]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|inf(?:inity)?|nan)/i.exec(rest)
    const strict = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/.exec(rest)
    const found = this.settings.decodeInvalid ? match : strict
    if (found === null || (found[0].startsWith('+') && !this.settings.decodeInvalid))
      return { type: 'T_ERROR', at, problem: 'invalid token' }
    this.at = at + found[0].length
    return { type: 'T_NUMBER', at, value: numberOf(found[0].toLowerCase()) }
  }
}

const WORDS: readonly (readonly [string, string, boolean])[] = [
  ['true', 'T_BOOLEAN', true],
  ['false', 'T_BOOLEAN', false],
  ['null', 'T_NULL', false],
]

function numberOf(text: string): number {
  const negative = text.startsWith('-')
  const digits = text.replace(/^[-+]/, '')
  const size = digits.startsWith('inf') ? Infinity : digits.startsWith('nan') ? NaN : Number(digits)
  return negative ? -size : size
}
