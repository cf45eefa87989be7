// The interpreter of Lua 5.1 as it comes in from outside (`io/lua.ts`): a machine with memory of its own, in which addresses are
// numbers. It is the C library of Lua, so its functions have Lua's own names and meanings (Lua 5.1 Reference Manual, section 3).
//
// A function of Lua's that fails leaves by an exception that only the machine may catch: code called from Lua that calls back into
// the machine lets everything through that it did not throw itself.

/** The address of a Lua state (`lua_State *`). */
export type State = number

/** The part of Lua's C interface that is used here. */
export interface LuaApi {
  readonly memory: { readonly buffer: ArrayBuffer }
  malloc(bytes: number): number
  free(at: number): void
  luaL_newstate(): State
  lua_close(L: State): void
  lua_newthread(L: State): State
  lua_resume(L: State, args: number): number
  lua_yield(L: State, results: number): number
  lua_status(L: State): number
  lua_pcall(L: State, args: number, results: number, handler: number): number
  lua_error(L: State): number
  luaL_where(L: State, level: number): void
  luaL_argerror(L: State, arg: number, message: number): number
  luaL_loadbuffer(L: State, bytes: number, length: number, name: number): number
  lua_gettop(L: State): number
  lua_settop(L: State, index: number): void
  lua_pushvalue(L: State, index: number): void
  lua_remove(L: State, index: number): void
  lua_insert(L: State, index: number): void
  lua_replace(L: State, index: number): void
  lua_xmove(from: State, to: State, n: number): void
  lua_checkstack(L: State, n: number): number
  lua_concat(L: State, n: number): void
  lua_type(L: State, index: number): number
  lua_iscfunction(L: State, index: number): number
  lua_isnumber(L: State, index: number): number
  lua_rawequal(L: State, a: number, b: number): number
  lua_toboolean(L: State, index: number): number
  lua_tonumber(L: State, index: number): number
  lua_tolstring(L: State, index: number, length: number): number
  lua_touserdata(L: State, index: number): number
  lua_objlen(L: State, index: number): number
  lua_pushnil(L: State): void
  lua_pushnumber(L: State, n: number): void
  lua_pushboolean(L: State, b: number): void
  lua_pushlstring(L: State, bytes: number, length: number): void
  lua_pushlightuserdata(L: State, at: number): void
  lua_pushcclosure(L: State, f: number, upvalues: number): void
  lua_pushthread(L: State): number
  lua_createtable(L: State, array: number, fields: number): void
  lua_next(L: State, index: number): number
  lua_rawget(L: State, index: number): void
  lua_rawset(L: State, index: number): void
  lua_rawgeti(L: State, index: number, n: number): void
  lua_rawseti(L: State, index: number, n: number): void
  lua_setmetatable(L: State, index: number): number
  lua_setfenv(L: State, index: number): number
  luaL_ref(L: State, table: number): number
  luaL_unref(L: State, table: number, ref: number): void
  lua_gc(L: State, what: number, data: number): number
  lua_sethook(L: State, hook: number, mask: number, count: number): number
  lua_getstack(L: State, level: number, out: number): number
  lua_getinfo(L: State, what: number, out: number): number
  luaopen_base(L: State): number
  luaopen_table(L: State): number
  luaopen_string(L: State): number
  luaopen_math(L: State): number
}

/** A machine with the interpreter in it. */
export interface LuaMachine {
  readonly api: LuaApi
  /** Makes a function known to the machine that Lua can call: it gets the state, and returns the number of its results. */
  addFunction(run: (L: State) => number): number
  /** The same for a hook (`lua_Hook`). */
  addHook(run: (L: State, record: number) => void): number
  /** Bytes that the machine has taken; it gives none back. */
  memoryBytes(): number
}

/** Makes a machine whose memory does not grow beyond a limit: what needs more fails in Lua with `not enough memory`. */
export type MakeLua = (memoryBytesMax: () => number) => LuaMachine

// Types of values (`lua_type`).
export const NIL = 0
export const BOOLEAN = 1
export const LIGHT_USERDATA = 2
export const NUMBER = 3
export const STRING = 4
export const TABLE = 5
export const FUNCTION = 6

/** What `lua_resume` returns, beside errors. */
export const FINISHED = 0
export const YIELDED = 1
export const OUT_OF_MEMORY = 4

// Indexes that are no places on the stack.
export const REGISTRY = -10000
export const GLOBALS = -10002

// What `lua_gc` is to do.
export const GC_COLLECT = 2
export const GC_COUNT = 3
export const GC_STEP = 5

/** The bit of a hook that is called every so many instructions. */
export const MASK_COUNT = 8
