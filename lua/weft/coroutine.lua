--- The user's own coroutines inside tasks: resume, wrap, yield and status that
-- keep a park, which goes to the scheduler, apart from a yield, which goes to
-- the resumer. Loading this module puts them into the global `coroutine`.
-- @module weft.coroutine

local core = require "weft.core"

local native = coroutine
local ours = core.coroutine
local create, resume = native.create, ours.resume

local function results_or_raise(ok, ...)
  if ok then return ... end
  error((...), 0)
end

--- As Lua's: a function that resumes a coroutine of `fn` and raises its errors.
---@param fn function
---@return function
function ours.wrap(fn)
  local co = create(fn)
  return function(...) return results_or_raise(resume(co, ...)) end
end

native.resume, native.yield = ours.resume, ours.yield
native.status, native.wrap = ours.status, ours.wrap
native.isyieldable = ours.isyieldable

return ours
