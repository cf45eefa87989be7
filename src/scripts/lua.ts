// One interpreter, and what is needed to speak with it: strings as bytes, functions of ours that Lua can call, errors, and turns.
//
// Invariants: a function of ours leaves either by returning or by `LuaFailure`; the machine's own exceptions pass through it. All
// strings are bytes; what is text here goes over as UTF-8. A Lua state gives way only where no function of C stands between it and
// who resumed it (`mayYield`).

import { errorText } from '../errors.ts'
import { copyBytes } from '../lib/bytes.ts'
import { type LuaApi, type LuaMachine, MASK_COUNT, type MakeLua, NUMBER, REGISTRY, STRING, type State } from './abi.ts'

/** Instructions between two looks at the clock: a millisecond or so. */
const HOOK_INSTRUCTIONS = 100_000
/** Strings up to this go over through one place that is kept. */
const SCRATCH_BYTES = 64 * 1024
/** `lua_Debug`: where things stand in it, and its size. */
const RECORD = { what: 12, source: 16, line: 20, bytes: 100 } as const
/** Counters of calls through C in a `lua_State`: now, and when it was resumed. */
const CALLS_NOW = 52
const CALLS_AT_RESUME = 54

/** So many functions are looked at for one with a place. */
const PLACE_LEVELS = 6

const TYPE_NAMES = ['nil', 'boolean', 'userdata', 'number', 'string', 'table', 'function', 'userdata', 'thread']

/** Ends the function of ours that is running with an error in Lua. */
export class LuaFailure extends Error {
  override readonly name = 'LuaFailure'
  /**
   * `table`: a table with the text as `err`, as all that concerns Redis; `line`: a text with the caller's line before it; a
   * number: what is wrong with the argument of this number.
   */
  readonly how: 'table' | 'line' | number

  constructor(message: string, how: 'table' | 'line' | number = 'line') {
    super(message)
    this.how = how
  }
}

/** A function of ours that Lua can call: the number of its results, which it leaves on the stack. */
export type LuaFunction = (L: State) => number

/** Where a function stands that is running. */
export interface Place {
  readonly source: string
  readonly line: number
}

export class Lua {
  readonly machine: LuaMachine
  readonly api: LuaApi
  /** The state that all others belong to. */
  readonly main: State
  /** Length of the string that `find` has found. */
  foundBytes = 0
  private view: Buffer
  private readonly lengthAt: number
  private readonly scratch: number
  private readonly record: number
  private readonly infoWords: number
  private readonly names = new Map<string, number>()
  private readonly hook: number

  /** `onCount` is called every so many instructions. */
  constructor(makeLua: MakeLua, memoryBytesMax: () => number, onCount: (L: State) => void) {
    this.machine = makeLua(memoryBytesMax)
    const { api } = this.machine
    this.api = api
    this.view = Buffer.from(api.memory.buffer)
    this.lengthAt = api.malloc(4)
    this.scratch = api.malloc(SCRATCH_BYTES + 1)
    this.record = api.malloc(RECORD.bytes)
    this.infoWords = api.malloc(4)
    this.heap.write('Sl\0', this.infoWords, 'latin1')
    this.main = api.luaL_newstate()
    this.hook = this.machine.addHook(onCount)
    api.lua_sethook(this.main, this.hook, MASK_COUNT, HOOK_INSTRUCTIONS)
    for (const open of [api.luaopen_base, api.luaopen_table, api.luaopen_string, api.luaopen_math]) {
      api.lua_pushcclosure(
        this.main,
        this.machine.addFunction((L) => open(L)),
        0,
      )
      api.lua_pcall(this.main, 0, 0, 0)
    }
  }

  /** The machine's memory. Growth replaces it: take it anew after anything that may allocate there. */
  get heap(): Buffer {
    // A memory that grows leaves the old buffer empty.
    if (this.view.length === 0) this.view = Buffer.from(this.api.memory.buffer)
    return this.view
  }

  /** The bytes of the string (or number) at an index, as a view that is valid until Lua runs again; undefined for others. */
  bytes(L: State, index: number): Buffer | undefined {
    const type = this.api.lua_type(L, index)
    if (type !== STRING && type !== NUMBER) return undefined
    const at = this.api.lua_tolstring(L, index, this.lengthAt)
    const { heap } = this
    return heap.subarray(at, at + heap.readUInt32LE(this.lengthAt))
  }

  /** Where in the heap the string at an index is, of which it is known that it is one; `foundBytes` is its length. */
  find(L: State, index: number): number {
    const at = this.api.lua_tolstring(L, index, this.lengthAt)
    this.foundBytes = this.heap.readUInt32LE(this.lengthAt)
    return at
  }

  text(L: State, index: number): string | undefined {
    return this.bytes(L, index)?.toString()
  }

  push(L: State, bytes: Uint8Array, start = 0, end = bytes.length): void {
    const length = end - start
    if (length <= SCRATCH_BYTES) {
      copyBytes(bytes, start, end, this.heap, this.scratch)
      return this.api.lua_pushlstring(L, this.scratch, length)
    }
    const at = this.api.malloc(length)
    if (at === 0) throw new LuaFailure('not enough memory')
    this.heap.set(bytes.subarray(start, end), at)
    try {
      this.api.lua_pushlstring(L, at, length)
    } finally {
      this.api.free(at)
    }
  }

  pushText(L: State, text: string): void {
    this.push(L, Buffer.from(text))
  }

  /** Pushes a name that is used over and over. */
  pushName(L: State, name: string): void {
    let ref = this.names.get(name)
    if (ref === undefined) {
      this.pushText(L, name)
      ref = this.api.luaL_ref(L, REGISTRY)
      this.names.set(name, ref)
    }
    this.api.lua_rawgeti(L, REGISTRY, ref)
  }

  /** Pushes the field of the table at a (positive) index; its type. */
  getField(L: State, table: number, name: string): number {
    this.pushName(L, name)
    this.api.lua_rawget(L, table)
    return this.api.lua_type(L, -1)
  }

  /** Sets a field of the table below the value on the top, which goes. */
  setField(L: State, name: string): void {
    this.pushName(L, name)
    this.api.lua_insert(L, -2)
    this.api.lua_rawset(L, -3)
  }

  pushFunction(L: State, run: LuaFunction): void {
    this.api.lua_pushcclosure(L, this.machine.addFunction(this.guarded(run)), 0)
  }

  /** Pushes a table of functions, to be made once. */
  pushLibrary(L: State, functions: Readonly<Record<string, LuaFunction>>): void {
    this.api.lua_createtable(L, 0, 16)
    for (const [name, run] of Object.entries(functions)) {
      this.pushFunction(L, run)
      this.setField(L, name)
    }
  }

  /** Takes the value on the top, to be pushed again by `pushRef`. */
  ref(L: State): number {
    return this.api.luaL_ref(L, REGISTRY)
  }

  pushRef(L: State, ref: number): void {
    this.api.lua_rawgeti(L, REGISTRY, ref)
  }

  unref(ref: number): void {
    this.api.luaL_unref(this.main, REGISTRY, ref)
  }

  /** Compiles source and pushes it as a function; otherwise what is wrong with it. `name` as in `=name`. */
  compile(L: State, source: Uint8Array, name: string): string | undefined {
    // Machine code of Lua's own is not taken: nothing checks it.
    if (source[0] === 27) return `${name.slice(1)}:1: unexpected symbol near 'char(27)'`
    const nameAt = this.cString(name)
    const at = this.api.malloc(source.length + 1)
    if (at === 0 || nameAt === 0) return 'not enough memory'
    this.heap.set(source, at)
    const status = this.api.luaL_loadbuffer(L, at, source.length, nameAt)
    this.api.free(at)
    this.api.free(nameAt)
    if (status === 0) return undefined
    const problem = this.text(L, -1) ?? 'unknown error'
    this.api.lua_settop(L, -2)
    return problem
  }

  /** A number as an argument; a failure if it is none. */
  number(L: State, index: number): number {
    if (this.api.lua_isnumber(L, index) === 0) throw this.wrongType(L, index, 'number')
    return this.api.lua_tonumber(L, index)
  }

  /** The same for a string; numbers count as such. */
  string(L: State, index: number): Buffer {
    const bytes = this.bytes(L, index)
    if (bytes === undefined) throw this.wrongType(L, index, 'string')
    return bytes
  }

  wrongType(L: State, index: number, wanted: string): LuaFailure {
    return new LuaFailure(`${wanted} expected, got ${this.typeName(L, index)}`, index)
  }

  typeName(L: State, index: number): string {
    return TYPE_NAMES[this.api.lua_type(L, index)] ?? 'no value'
  }

  /** Whether the state can give way where it is: no function of C waits for it. */
  mayYield(L: State): boolean {
    const { heap } = this
    return heap.readUInt16LE(L + CALLS_NOW) === heap.readUInt16LE(L + CALLS_AT_RESUME)
  }

  /** A new state with the function at an index of `L` on it, pushed; calls through C count on in it, so that their depth is bounded. */
  pushThread(L: State, f: number): void {
    const { api } = this
    const thread = api.lua_newthread(L)
    api.lua_pushvalue(L, f)
    api.lua_xmove(L, thread, 1)
    const { heap } = this
    heap.writeUInt16LE(heap.readUInt16LE(L + CALLS_NOW), thread + CALLS_NOW)
  }

  /** Where the state is, or failed: the last place in Lua of a source other than `unlike`. */
  place(L: State, unlike: string): Place | undefined {
    for (let level = 0; level < PLACE_LEVELS; level++) {
      if (this.api.lua_getstack(L, level, this.record) === 0) return undefined
      this.api.lua_getinfo(L, this.infoWords, this.record)
      const { heap, record } = this
      const what = this.cText(heap.readUInt32LE(record + RECORD.what))
      const source = this.cText(heap.readUInt32LE(record + RECORD.source))
      if (what === 'C' || what === 'tail' || source === unlike) continue
      const line = heap.readInt32LE(record + RECORD.line)
      return { source, line }
    }
    return undefined
  }

  private guarded(run: LuaFunction): LuaFunction {
    return (L) => {
      let failure: LuaFailure
      try {
        return run(L)
      } catch (error) {
        if (!(error instanceof LuaFailure)) throw error
        failure = error
      }
      return this.raise(L, failure)
    }
  }

  private raise(L: State, { message, how }: LuaFailure): number {
    const { api } = this
    if (typeof how === 'number') {
      // It does not come back to free a place of its own.
      this.heap.write(`${message.slice(0, 512)}\0`, this.scratch)
      return api.luaL_argerror(L, how, this.scratch)
    }
    if (how === 'table') this.pushError(L, errorText('failed', message))
    else {
      api.luaL_where(L, 1)
      this.pushText(L, message)
      api.lua_concat(L, 2)
    }
    return api.lua_error(L)
  }

  /** Pushes a table with the text as its `err`. */
  pushError(L: State, text: string | Uint8Array): void {
    this.api.lua_createtable(L, 0, 1)
    if (typeof text === 'string') this.pushText(L, text)
    else this.push(L, text)
    this.setField(L, 'err')
  }

  private cString(text: string): number {
    const bytes = Buffer.from(`${text}\0`)
    const at = this.api.malloc(bytes.length)
    if (at !== 0) this.heap.set(bytes, at)
    return at
  }

  private cText(at: number): string {
    const { heap } = this
    return heap.toString('utf8', at, heap.indexOf(0, at))
  }
}
