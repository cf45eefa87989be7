// `redis.register_function`, by which the code of a library names its functions: by name and function, or by a table that says more
// (https://redis.io/docs/latest/develop/programmability/functions-intro/).
import { errorText } from '../errors.ts'
import { FUNCTION, NIL, type State, TABLE } from './abi.ts'
import { isName, type Registered } from './library.ts'
import { type Lua, LuaFailure, type LuaFunction } from './lua.ts'
import { FLAG_NAMES } from './source.ts'

const refuse = (message: string): never => {
  throw new LuaFailure(message, 'table')
}

/** Makes the function. `taker`: who takes what is registered, while a library is being loaded. */
export function registerFunction(lua: Lua, taker: () => ((registered: Registered) => void) | undefined): LuaFunction {
  return (L) => {
    const take = taker() ?? refuse('redis.register_function can only be called on FUNCTION LOAD command')
    const count = lua.api.lua_gettop(L)
    if (count < 1 || count > 2) refuse('wrong number of arguments to redis.register_function')
    const registered = count === 1 ? byTable(lua, L) : byPosition(lua, L)
    if (!isName(registered.name)) refuse(errorText('libraryName').slice('ERR '.length))
    take(registered)
    return 0
  }
}

function byPosition(lua: Lua, L: State): Registered {
  const name = lua.text(L, 1) ?? refuse('first argument to redis.register_function must be a string')
  if (lua.api.lua_type(L, 2) !== FUNCTION) refuse('second argument to redis.register_function must be a function')
  return { name, description: undefined, flags: [], ref: lua.ref(L) }
}

/** What a table says of a function, while it is read. */
interface Fields {
  name: string | undefined
  description: Buffer | undefined
  flags: readonly string[]
  ref: number | undefined
}

function byTable(lua: Lua, L: State): Registered {
  const { api } = lua
  if (api.lua_type(L, 1) !== TABLE) {
    refuse(
      'calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).',
    )
  }
  const fields: Fields = { name: undefined, description: undefined, flags: [], ref: undefined }
  try {
    api.lua_pushnil(L)
    while (api.lua_next(L, 1) !== 0) {
      readField(lua, L, fields)
      api.lua_settop(L, 2)
    }
    const name = fields.name ?? refuse('redis.register_function must get a function name argument')
    const ref = fields.ref ?? refuse('redis.register_function must get a callback argument')
    return { name, description: fields.description, flags: fields.flags, ref }
  } catch (error) {
    if (fields.ref !== undefined) lua.unref(fields.ref)
    throw error
  }
}

/** Reads a field: its key is at 2, its value at 3. */
function readField(lua: Lua, L: State, fields: Fields): void {
  const { api } = lua
  // A copy: to make a string of a number in its place would confuse the walk over the table.
  api.lua_pushvalue(L, 2)
  const key = lua.text(L, 4) ?? refuse('named argument key given to redis.register_function is not a string')
  const bytes = (): Buffer =>
    Buffer.from(lua.bytes(L, 3) ?? refuse(`${key} argument given to redis.register_function must be a string`))
  switch (key.toLowerCase()) {
    case 'function_name':
      fields.name = bytes().toString()
      break
    case 'description':
      fields.description = bytes()
      break
    case 'callback':
      if (api.lua_type(L, 3) !== FUNCTION) {
        refuse('callback argument given to redis.register_function must be a function')
      }
      api.lua_pushvalue(L, 3)
      fields.ref = lua.ref(L)
      break
    case 'flags':
      fields.flags = readFlags(lua, L)
      break
    default:
      refuse('unknown argument given to redis.register_function')
  }
}

/** Reads the list of flags at 3. */
function readFlags(lua: Lua, L: State): readonly string[] {
  const { api } = lua
  if (api.lua_type(L, 3) !== TABLE) {
    refuse('flags argument to redis.register_function must be a table representing function flags')
  }
  const given = new Set<string>()
  for (let i = 1; ; i++) {
    api.lua_rawgeti(L, 3, i)
    if (api.lua_type(L, -1) === NIL) return FLAG_NAMES.filter((name) => given.has(name))
    const flag = lua.text(L, -1)?.toLowerCase()
    if (flag === undefined || !FLAG_NAMES.includes(flag)) refuse('unknown flag given')
    else given.add(flag)
    api.lua_settop(L, 4)
  }
}
