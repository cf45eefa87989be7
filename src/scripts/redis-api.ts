// The table `redis` of scripts: commands, errors and settings
// (https://redis.io/docs/latest/develop/programmability/lua-api/#redis_object).
import { errorText } from '../errors.ts'
import { copyBytes } from '../lib/bytes.ts'
import { formatDouble } from '../lib/double.ts'
import { REDIS_VERSION } from '../lib/version.ts'
import { Args } from '../protocol/args.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import { NUMBER, STRING, type State } from './abi.ts'
import { type Lua, LuaFailure, type LuaFunction } from './lua.ts'
import { digestOf } from './source.ts'
import { ReplyPusher } from './values.ts'

/** Where what a script writes goes. */
export const REPL_AOF = 1
export const REPL_REPLICA = 2
export const REPL_ALL = 3

/** A byte each for major, minor and patch. */
const REDIS_VERSION_NUMBER = REDIS_VERSION.split('.').reduce((n, part) => n * 256 + Number(part), 0)

const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const
export type ScriptLogLevel = (typeof LOG_LEVELS)[number]

/** The server as a running script sees it. */
export interface ScriptCalls {
  /** Runs a command and writes its reply, or the error why it may not run. */
  call(args: Args, reply: ReplyWriter): void
  /** Whether the user of the script may call a command; undefined if there is no such command. */
  permits(args: Args): boolean | undefined
  /** The protocol of replies (`redis.setresp`). */
  resp: 2 | 3
  /** Where writes go from here on (`redis.set_repl`). */
  replicateTo: number
  log(level: ScriptLogLevel, text: string): void
}

/** The longest number has 24: a sign, 17 digits, a point and an exponent. */
const NUMBER_BYTES_MAX = 32

const CONSTANTS: Readonly<Record<string, number>> = {
  LOG_DEBUG: 0,
  LOG_VERBOSE: 1,
  LOG_NOTICE: 2,
  LOG_WARNING: 3,
  REPL_NONE: 0,
  REPL_AOF,
  REPL_SLAVE: REPL_REPLICA,
  REPL_REPLICA,
  REPL_ALL,
  REDIS_VERSION_NUM: REDIS_VERSION_NUMBER,
}

/** Pushes the table. */
export function pushRedis(lua: Lua, L: State, calls: ScriptCalls, forScripts: boolean): void {
  const functions = { ...redisFunctions(lua, calls), ...(forScripts ? scriptFunctions(lua) : {}) }
  pushTable(lua, L, functions, Object.keys(CONSTANTS))
}

/** Pushes the table as the code of a library sees it that registers its functions. */
export function pushRegistering(lua: Lua, L: State, calls: ScriptCalls, register: LuaFunction): void {
  const { log } = redisFunctions(lua, calls)
  pushTable(
    lua,
    L,
    { log, register_function: register },
    Object.keys(CONSTANTS).filter((name) => !name.startsWith('REPL_')),
  )
}

function pushTable(lua: Lua, L: State, functions: Record<string, LuaFunction>, constants: readonly string[]): void {
  lua.pushLibrary(L, functions)
  for (const name of constants) {
    lua.api.lua_pushnumber(L, CONSTANTS[name])
    lua.setField(L, name)
  }
  lua.pushText(L, REDIS_VERSION)
  lua.setField(L, 'REDIS_VERSION')
}

function redisFunctions(lua: Lua, calls: ScriptCalls): Record<string, LuaFunction> {
  const { api } = lua
  const pusher = new ReplyPusher(lua)
  const reply = new ReplyWriter(1024)
  const args = new Args(Buffer.alloc(1024))

  /** Makes room for bytes behind the first `at` of the arguments. */
  const reserve = (at: number, bytes: number): void => {
    if (at + bytes <= args.buffer.length) return
    const larger = Buffer.alloc((at + bytes) * 2)
    args.buffer.copy(larger, 0, 0, at)
    args.buffer = larger
  }

  /** Takes the arguments of the function as those of a command; false if one of them can be none. */
  const takeArguments = (L: State): boolean => {
    const count = api.lua_gettop(L)
    args.count = 0
    let at = 0
    for (let i = 1; i <= count; i++) {
      const type = api.lua_type(L, i)
      if (type === STRING) {
        const from = lua.find(L, i)
        const bytes = lua.foundBytes
        reserve(at, bytes)
        copyBytes(lua.heap, from, from + bytes, args.buffer, at)
        args.push(at, at + bytes)
        at += bytes
      } else if (type === NUMBER) {
        reserve(at, NUMBER_BYTES_MAX)
        const bytes = args.buffer.write(formatDouble(api.lua_tonumber(L, i)), at, 'latin1')
        args.push(at, at + bytes)
        at += bytes
      } else return false
    }
    return true
  }

  /** Runs a command and pushes its reply; whether that is an error. */
  const call = (L: State): boolean => {
    reply.clear()
    reply.resp = calls.resp
    if (api.lua_gettop(L) === 0) reply.error(errorText('scriptNoArguments'))
    else if (!takeArguments(L)) reply.error(errorText('scriptArguments'))
    else calls.call(args, reply)
    pusher.push(L, reply.buffer)
    return reply.buffer[0] === ERROR
  }

  /** The table with one field that a reply of status or error is. */
  const single =
    (name: 'ok' | 'err', trim: (text: Buffer) => Buffer): LuaFunction =>
    (L) => {
      const text = api.lua_gettop(L) === 1 && api.lua_type(L, 1) !== NUMBER ? lua.bytes(L, 1) : undefined
      if (text === undefined) {
        lua.pushError(L, errorText('scriptArgumentTypes'))
        return 1
      }
      const value = trim(Buffer.from(text))
      api.lua_createtable(L, 0, 1)
      lua.push(L, value)
      lua.setField(L, name)
      return 1
    }

  return {
    call(L) {
      return call(L) ? api.lua_error(L) : 1
    },
    pcall(L) {
      call(L)
      return 1
    },
    status_reply: single('ok', (text) => text),
    error_reply: single('err', withCode),
    sha1hex(L) {
      if (api.lua_gettop(L) !== 1) throw new LuaFailure('wrong number of arguments', 'table')
      lua.pushText(L, digestOf(lua.bytes(L, 1) ?? Buffer.alloc(0)))
      return 1
    },
    log(L) {
      const count = api.lua_gettop(L)
      if (count < 2) throw new LuaFailure('redis.log() requires two arguments or more.', 'table')
      if (api.lua_isnumber(L, 1) === 0) throw new LuaFailure('First argument must be a number (log level).', 'table')
      const level = LOG_LEVELS[Math.trunc(api.lua_tonumber(L, 1))]
      if (level === undefined) throw new LuaFailure('Invalid debug level.', 'table')
      const parts: string[] = []
      for (let i = 2; i <= count; i++) parts.push(lua.text(L, i) ?? '')
      calls.log(level, parts.join(' '))
      return 0
    },
    setresp(L) {
      if (api.lua_gettop(L) !== 1) throw new LuaFailure('redis.setresp() requires one argument.', 'table')
      const resp = api.lua_tonumber(L, 1)
      if (resp !== 2 && resp !== 3) throw new LuaFailure('RESP version must be 2 or 3.', 'table')
      calls.resp = resp
      return 0
    },
    set_repl(L) {
      if (api.lua_gettop(L) !== 1) throw new LuaFailure('redis.set_repl() requires two arguments.', 'table')
      const flags = api.lua_tonumber(L, 1)
      if (flags < 0 || flags > REPL_ALL || !Number.isInteger(flags)) {
        throw new LuaFailure('Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.', 'table')
      }
      calls.replicateTo = flags
      return 0
    },
    acl_check_cmd(L) {
      if (api.lua_gettop(L) === 0) {
        throw new LuaFailure('Please specify at least one argument for this redis.acl_check_cmd() call', 'table')
      }
      if (!takeArguments(L)) {
        throw new LuaFailure('redis.acl_check_cmd() requires strings or integers', 'table')
      }
      const may = calls.permits(args)
      if (may === undefined) throw new LuaFailure('Invalid command passed to redis.acl_check_cmd()', 'table')
      api.lua_pushboolean(L, may ? 1 : 0)
      return 1
    },
  }
}

/** What there is for scripts alone, not for functions. */
function scriptFunctions({ api }: Lua): Record<string, LuaFunction> {
  const answer =
    (yes: number): LuaFunction =>
    (L) => {
      api.lua_pushboolean(L, yes)
      return 1
    }
  return { replicate_commands: answer(1), breakpoint: answer(0), debug: () => 0 }
}

const ERROR = 45
const BLANK = 32
const CODE = Buffer.from('ERR ')

/** The text of an error without a leading `-`; one of a single word has no code, and gets one. */
function withCode(text: Buffer): Buffer {
  const plain = text[0] === ERROR ? text.subarray(1) : text
  return plain.includes(BLANK) ? plain : Buffer.concat([CODE, plain])
}
