// Runs scripts, or functions of libraries, one at a time, in turns: one that has run for a while gives way, and is resumed later, so
// that the server can say that it is busy.
//
// Invariants: nothing but what a script returns outlives it, but for the state of the random numbers and the settings of cjson (and
// what the functions of a library share). A
// machine that has run out of memory, or in which anything happened that must not, is thrown away, and its scripts are compiled
// again in the next one when they are needed.

import { errorText } from '../errors.ts'
import type { Args } from '../protocol/args.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import {
  FINISHED,
  FUNCTION,
  GC_COLLECT,
  GC_COUNT,
  GLOBALS,
  type MakeLua,
  OUT_OF_MEMORY,
  type State,
  TABLE,
  YIELDED,
} from './abi.ts'
import { bitLibrary } from './bit.ts'
import { pushCjson } from './cjson.ts'
import { pushCmsgpack } from './cmsgpack.ts'
import type { Registered } from './library.ts'
import { Lua, LuaFailure, type Place } from './lua.ts'
import { randomFunctions } from './random.ts'
import { pushRedis, pushRegistering, type ScriptCalls } from './redis-api.ts'
import { registerFunction } from './register.ts'
import { SANDBOX } from './sandbox.ts'
import { structLibrary } from './struct.ts'
import { writeValue } from './values.ts'

const SANDBOX_CHUNK = '=sandbox'
/** The argument at which the keys begin: behind the command, the script and the number of keys. */
const FIRST_KEY = 3

/** What can be run. */
export interface Callable {
  /** As errors call it. */
  readonly name: string
  /** Where its function is, in which machine. */
  lua: Lua | undefined
  ref: number
}

/** A script that has been compiled. */
export interface Script extends Callable {
  readonly body: Buffer
}

/** What an interpreter runs: scripts have their keys and arguments as globals, functions get them. */
export type Dialect = 'script' | 'function'

/** How a turn of a script ended. */
export type Turn = 'done' | 'gave way'

/** When a script is to give way, and when it is to end. */
export interface Pace {
  /** Asked every so many instructions. `stop`: it has run for too long where it cannot give way. */
  due(mayYield: boolean): 'go on' | 'give way' | 'stop'
}

export class Interpreter {
  private readonly dialect: Dialect
  private readonly makeLua: MakeLua
  private readonly memoryBytesMax: () => number
  private readonly calls: ScriptCalls
  private readonly pace: Pace
  private lua: Lua | undefined
  /** The state that scripts run in; a new one after one that failed. */
  private thread: State = 0
  private threadRef = 0
  private globalsRef = 0
  private givingWay = false
  /** What is running, and how many arguments it gets when it begins. */
  private running: Callable | undefined
  private given = 0
  /** Switches between the globals and what a library sees while it registers its functions. */
  private registeringRef = 0
  private taker: ((registered: Registered) => void) | undefined
  /** What came of the last one. */
  private outcome: 'result' | { readonly error: string } = 'result'

  constructor(dialect: Dialect, makeLua: MakeLua, memoryBytesMax: () => number, calls: ScriptCalls, pace: Pace) {
    this.dialect = dialect
    this.makeLua = makeLua
    this.memoryBytesMax = memoryBytesMax
    this.calls = calls
    this.pace = pace
  }

  /** Bytes of memory: in use by scripts, and taken by the machine. */
  get memory(): { usedBytes: number; takenBytes: number } {
    const { lua } = this
    if (lua === undefined) return { usedBytes: 0, takenBytes: 0 }
    return { usedBytes: lua.api.lua_gc(lua.main, GC_COUNT, 0) * 1024, takenBytes: lua.machine.memoryBytes() }
  }

  /** Compiles a script; otherwise what is wrong with it. */
  compile(script: Script): string | undefined {
    return this.guarded(() => {
      const lua = this.ready()
      if (script.lua === lua) return undefined
      const problem = lua.compile(lua.main, script.body, this.chunk)
      if (problem !== undefined) return problem
      script.ref = lua.ref(lua.main)
      script.lua = lua
      return undefined
    })
  }

  /** Whether the code is in the machine that runs now. */
  holds({ lua }: Callable): boolean {
    return lua !== undefined && lua === this.lua
  }

  /** Runs the code of a library, which registers its functions; otherwise the error. */
  register(body: Buffer, take: (registered: Registered, lua: Lua) => void): string | undefined {
    return this.guarded(() => {
      const lua = this.ready()
      const { api, main } = lua
      const problem = lua.compile(main, body, this.chunk)
      if (problem !== undefined) return errorText('libraryCompile', problem)
      this.taker = (registered) => take(registered, lua)
      this.showRegistering(lua, true)
      const failed = api.lua_pcall(main, 0, 0, 0) !== 0
      this.showRegistering(lua, false)
      this.taker = undefined
      if (!failed) return undefined
      const text = this.message(lua, main)
      api.lua_settop(main, 0)
      return errorText('libraryRegister', text)
    })
  }

  /** The code is not needed any more. */
  release(callable: Callable): void {
    if (this.holds(callable)) this.lua!.unref(callable.ref)
    callable.lua = undefined
  }

  /** Forgets everything. */
  flush(): void {
    this.lua = undefined
  }

  /** Begins what is compiled, for a request that has so many keys and then arguments of the script. Its result, or its error, is written to `reply` (`ended`). */
  begin(callable: Callable, args: Args, keyCount: number): string | undefined {
    this.running = callable
    return this.guarded(() => {
      const lua = this.ready()
      const L = this.thread
      if (this.dialect === 'script') {
        this.setGlobal(lua, 'KEYS', args, FIRST_KEY, FIRST_KEY + keyCount)
        this.setGlobal(lua, 'ARGV', args, FIRST_KEY + keyCount, args.count)
      }
      lua.pushRef(L, callable.ref)
      if (this.dialect === 'script') return undefined
      this.pushStrings(lua, args, FIRST_KEY, FIRST_KEY + keyCount)
      this.pushStrings(lua, args, FIRST_KEY + keyCount, args.count)
      this.given = 2
      return undefined
    })
  }

  /** Runs the script until it is done or gives way. Afterwards `finish` has what came of it. */
  turn(): Turn {
    const { lua } = this
    const { given } = this
    this.given = 0
    this.givingWay = false
    if (lua === undefined) {
      this.outcome = { error: errorText('scriptFailed', 'no machine') }
      return 'done'
    }
    try {
      const status = lua.api.lua_resume(this.thread, given)
      if (status === YIELDED) return 'gave way'
      this.outcome = status === FINISHED ? 'result' : { error: this.errorText(lua, status === OUT_OF_MEMORY) }
      if (status !== FINISHED) this.renew(lua)
      if (status === OUT_OF_MEMORY) this.lua = undefined
    } catch (error) {
      this.broken(error)
    }
    return 'done'
  }

  /** Writes the result of a script that is done; otherwise the error that it ended with. */
  finish(reply: ReplyWriter, resp: 2 | 3): string | undefined {
    const { lua, outcome } = this
    this.running = undefined
    if (outcome !== 'result') return outcome.error
    const mark = reply.pos
    const problem = this.guarded(() => {
      // A script may return nothing.
      lua!.api.lua_settop(this.thread, 1)
      writeValue(lua!, this.thread, reply, resp)
      return undefined
    })
    if (problem !== undefined) reply.rewind(mark)
    return problem
  }

  /** Ends a script that gave way: the error for who called it. */
  kill(why: string): string {
    const { lua } = this
    const text = lua === undefined ? why : this.located(why, lua.place(this.thread, SANDBOX_CHUNK))
    if (lua !== undefined) this.renew(lua)
    this.running = undefined
    return text
  }

  /** The interpreter, made when it is first needed. */
  private ready(): Lua {
    if (this.lua !== undefined) return this.lua
    const lua = new Lua(this.makeLua, this.memoryBytesMax, (L) => this.count(L))
    this.lua = lua
    this.furnish(lua)
    this.thread = lua.api.lua_newthread(lua.main)
    this.threadRef = lua.ref(lua.main)
    return lua
  }

  private furnish(lua: Lua): void {
    const { api, main } = lua
    const problem = lua.compile(main, Buffer.from(SANDBOX), SANDBOX_CHUNK)
    if (problem !== undefined) throw new Error(problem)
    this.pushHost(lua)
    if (api.lua_pcall(main, 1, 3, 0) !== 0) throw new Error(lua.text(main, -1))
    this.registeringRef = lua.ref(main)
    this.globalsRef = lua.ref(main)
    api.lua_replace(main, GLOBALS)
  }

  /** The table of what the sandbox is made from. */
  private pushHost(lua: Lua): void {
    const { api, main } = lua
    const random = randomFunctions(lua)
    lua.pushLibrary(main, {
      ...random,
      create: (L) => {
        if (api.lua_type(L, 1) === FUNCTION && api.lua_iscfunction(L, 1) === 0) lua.pushThread(L, 1)
        else api.lua_pushnil(L)
        return 1
      },
      running: (L) => {
        if (L === this.thread) api.lua_pushnil(L)
        else api.lua_pushthread(L)
        return 1
      },
      preempted: (L) => {
        api.lua_pushnumber(L, !this.givingWay ? 0 : lua.mayYield(L) ? 1 : 2)
        if (this.givingWay && !lua.mayYield(L)) this.givingWay = false
        return 1
      },
    })
    pushRedis(lua, main, this.calls, this.dialect === 'script')
    lua.setField(main, 'redis')
    const register = registerFunction(lua, () => this.taker)
    pushRegistering(lua, main, this.calls, register)
    lua.setField(main, 'registering')
    pushCjson(lua, main)
    lua.setField(main, 'cjson')
    pushCmsgpack(lua, main)
    lua.setField(main, 'cmsgpack')
    lua.pushLibrary(main, structLibrary(lua))
    lua.setField(main, 'struct')
    lua.pushLibrary(main, bitLibrary(lua))
    lua.setField(main, 'bit')
    this.pushOwn(lua)
  }

  /** What of Lua's own libraries the sandbox needs under names that scripts cannot change. */
  private pushOwn(lua: Lua): void {
    const { api, main } = lua
    const problem = lua.compile(main, Buffer.from(OWN), '=own')
    if (problem !== undefined) throw new Error(problem)
    api.lua_pushvalue(main, -2)
    if (api.lua_pcall(main, 1, 0, 0) !== 0) throw new Error(lua.text(main, -1))
  }

  private get chunk(): string {
    return `=user_${this.dialect}`
  }

  private showRegistering(lua: Lua, on: boolean): void {
    const { api, main } = lua
    lua.pushRef(main, this.registeringRef)
    api.lua_pushboolean(main, on ? 1 : 0)
    api.lua_pcall(main, 1, 0, 0)
  }

  private setGlobal(lua: Lua, name: string, args: Args, from: number, to: number): void {
    const L = this.thread
    lua.pushRef(L, this.globalsRef)
    this.pushStrings(lua, args, from, to)
    lua.setField(L, name)
    lua.api.lua_settop(L, 0)
  }

  /** Pushes a table of the arguments [from, to). */
  private pushStrings(lua: Lua, args: Args, from: number, to: number): void {
    const { api } = lua
    const L = this.thread
    api.lua_createtable(L, to - from, 0)
    for (let i = from; i < to; i++) {
      lua.push(L, args.buffer, args.start(i), args.end(i))
      api.lua_rawseti(L, -2, i - from + 1)
    }
  }

  /** A thread that failed, or is not to go on, is of no use any more. */
  private renew(lua: Lua): void {
    lua.unref(this.threadRef)
    this.thread = lua.api.lua_newthread(lua.main)
    this.threadRef = lua.ref(lua.main)
    lua.api.lua_gc(lua.main, GC_COLLECT, 0)
  }

  private count(L: State): void {
    const lua = this.lua!
    const mayYield = lua.mayYield(L)
    const due = this.pace.due(mayYield)
    if (due === 'go on') return
    if (due === 'give way') {
      this.givingWay = true
      lua.api.lua_yield(L, 0)
      return
    }
    lua.pushError(L, errorText(this.taker === undefined ? 'scriptStuck' : 'libraryTimeout'))
    lua.api.lua_error(L)
  }

  /** The error that the thread ended with, as Redis words it. */
  private errorText(lua: Lua, outOfMemory: boolean): string {
    const L = this.thread
    const place = lua.place(L, SANDBOX_CHUNK)
    if (outOfMemory) {
      return this.located(errorText('scriptMemory', this.memoryBytesMax()), place)
    }
    return this.located(this.message(lua, L), place)
  }

  private message(lua: Lua, L: State): string {
    if (lua.api.lua_type(L, -1) !== TABLE) return errorText('failed', lua.text(L, -1) ?? lua.typeName(L, -1))
    lua.getField(L, lua.api.lua_gettop(L), 'err')
    return lua.text(L, -1) ?? errorText('scriptError')
  }

  private located(text: string, place: Place | undefined): string {
    const name = this.running?.name ?? ''
    if (place === undefined) return `${text} script: ${name}, on @${this.chunk.slice(1)}:0.`
    return `${text} script: ${name}, on @${place.source.replace(/^[=@]/, '')}:${place.line}.`
  }

  /** Does what Lua does not protect: if it fails the machine is thrown away. */
  private guarded(work: () => string | undefined): string | undefined {
    try {
      return work()
    } catch (error) {
      if (error instanceof LuaFailure) return errorText('failed', error.message)
      return this.broken(error)
    }
  }

  /** Whatever it was, nothing is sure in this machine any more. Most likely there is no memory. */
  private broken(error: unknown): string {
    this.lua = undefined
    this.taker = undefined
    const text = errorText('scriptFailed', error instanceof Error ? error.message : String(error))
    this.outcome = { error: text }
    return text
  }
}

const OWN = `
local host = ...
host.byte, host.concat, host.tostring, host.ipairs = string.byte, table.concat, tostring, ipairs
host.string, host.table, host.math = string, table, math
host.strings = getmetatable('')
`
