// The world of a script, in Lua: what it may use, in tables that it cannot change. Nothing that one script does is seen by the next.
//
// Lua 5.1 has no read-only tables, so a script gets empty ones that stand for the real ones (`protect`). And a script has to give way
// from within `pcall` and coroutines, too, which a function of C cannot: so `pcall` is a coroutine here, and whoever resumes
// one passes on what the host asked for (`settle`).

/**
 * Called with the table of what the host gives: returns the globals that scripts see, the real ones, and a function that puts what the code of a
 * library sees while it registers its functions in their place, or takes it away.
 */
export const SANDBOX = `
local host = ...
local create, running, preempted = host.create, host.running, host.preempted
local resume, yield, status = coroutine.resume, coroutine.yield, coroutine.status
local error, type, setmetatable, rawget, rawset, next = error, type, setmetatable, rawget, rawset, next
local pcall, xpcall, loadstring, collectgarbage = pcall, xpcall, loadstring, collectgarbage
local tonumber, unpack = tonumber, unpack
local UNPACKED_MAX = 2 ^ 24
local READ_ONLY = 'Attempt to modify a readonly table'
local ACROSS = 'attempt to yield across metamethod/C-call boundary'

local real = setmetatable({}, { __mode = 'k' })
local shield = {}
local function refuse() error(READ_ONLY, 2) end
local function protect(t)
  local stand_in, meta = {}, { __index = t, __newindex = refuse, __metatable = shield }
  real[stand_in] = t
  return setmetatable(stand_in, meta), meta
end
local function absent(_, name)
  error("Script attempted to access nonexistent global variable '" .. host.tostring(name) .. "'", 2)
end
real[shield] = shield
setmetatable(shield, { __newindex = refuse, __metatable = shield })

local globals = {}
for _, name in ipairs({ 'assert', 'error', 'gcinfo', 'getmetatable', 'ipairs', 'rawequal', 'select', 'tonumber',
    'tostring', 'type', '_VERSION' }) do
  globals[name] = _G[name]
end
local world, seen = protect(globals)
setfenv(1, world)

-- Who walks over a table that stands for another one sees what is in that.
local function require_table(t, name)
  if type(t) ~= 'table' then error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(t) .. ')', 3) end
end
globals.next = function(t, key)
  require_table(t, 'next')
  return next(real[t] or t, key)
end
local stand_in_next = globals.next
globals.pairs = function(t)
  require_table(t, 'pairs')
  if real[t] then return stand_in_next, t end
  return next, t
end
-- The real one reckons in 32 bits, which such numbers go beyond.
globals.unpack = function(t, first, last)
  require_table(t, 'unpack')
  -- Each argument takes the place of a result.
  if first == nil and last == nil then return unpack(t) end
  local from, to = tonumber(first or 1), tonumber(last or #t)
  if from and to and (to - from >= UNPACKED_MAX or -from > 2 ^ 31 or to >= 2 ^ 31) then
    error('too many results to unpack', 2)
  end
  return unpack(t, first, last)
end
globals.rawget = function(t, key)
  require_table(t, 'rawget')
  return rawget(real[t] or t, key)
end
globals.setmetatable = function(t, meta)
  if real[t] then error(READ_ONLY, 0) end
  return setmetatable(t, meta)
end
globals.rawset = function(t, key, value)
  if real[t] then error(READ_ONLY, 0) end
  return rawset(t, key, value)
end
globals.collectgarbage = function(what, n)
  if what == 'stop' or what == 'restart' or what == 'setpause' or what == 'setstepmul' then return 0 end
  return collectgarbage(what, n)
end
-- The blank keeps Lua from taking what begins like its own machine code.
globals.loadstring = function(source, name)
  if type(source) == 'string' and host.byte(source, 1) == 27 then return loadstring(' ' .. source, name or source) end
  return loadstring(source, name)
end
globals.load = function(piece, name)
  local parts = {}
  for part in piece do
    if part == '' then break end
    parts[#parts + 1] = part
  end
  return globals.loadstring(host.concat(parts), name or '=(load)')
end

local function settle(co, ok, ...)
  if ok and status(co) == 'suspended' then
    local way = preempted()
    if way == 1 then
      yield()
      return settle(co, resume(co))
    end
    if way == 2 then return settle(co, resume(co)) end
  end
  return ok, ...
end
local function ended(co, ok, ...)
  if ok and status(co) == 'suspended' then return false, ACROSS end
  return ok, ...
end
local function handled(handler, ok, ...)
  if ok then return ok, ... end
  return false, handler(...)
end
-- Of an error that is a table, as those of redis.call are, one gets the text.
local function plain(ok, ...)
  if ok then return ok, ... end
  local problem = ...
  if type(problem) == 'table' and type(problem.err) == 'string' then return false, problem.err end
  return false, problem
end
globals.pcall = function(f, ...)
  local co = create(f)
  if not co then return plain(pcall(f, ...)) end
  return plain(ended(co, settle(co, resume(co, ...))))
end
globals.xpcall = function(f, handler)
  local co = create(f)
  if not co then return xpcall(f, handler) end
  return handled(handler, ended(co, settle(co, resume(co))))
end

local function made(f)
  return create(f) or error("bad argument #1 to 'create' (Lua function expected)", 3)
end
local function unwrapped(ok, ...)
  if ok then return ... end
  error((...), type((...)) == 'string' and 3 or 0)
end
globals.coroutine = protect({
  create = function(f) return made(f) end,
  resume = function(co, ...) return settle(co, resume(co, ...)) end,
  status = status,
  running = running,
  wrap = function(f)
    local co = made(f)
    return function(...) return unwrapped(settle(co, resume(co, ...))) end
  end,
  yield = function(...)
    if not running() then error(ACROSS, 0) end
    return yield(...)
  end,
})

host.math.random, host.math.randomseed = host.random, host.randomseed
host.strings.__metatable = shield
for _, name in host.ipairs({ 'string', 'table', 'math', 'redis', 'cjson', 'cmsgpack', 'struct', 'bit' }) do
  globals[name] = protect(host[name])
end
globals._G = world
setmetatable(globals, { __index = absent })
local registering = setmetatable({
  redis = protect(setmetatable(host.registering, { __index = absent })),
}, { __index = absent })
return world, globals, function(on) seen.__index = on and registering or globals end
`
