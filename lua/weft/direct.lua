--- Calls of the core that neither park nor call back, made through FFI so that
-- LuaJIT compiles them into the code around.
--
-- A parking call that can finish at once may do so by such a call: it counts
-- the run budget's word down by one, and where that is not above 1 (cancelled
-- code, a used-up budget, no task) it goes the slow way, through the C function
-- that may yield.
-- @module weft.direct

local ffi = require "ffi"
local core = require "weft.core"
local errors = require "weft.error"

local direct = {}

local runtime = ffi.cast("void **", core.address "runtime")
local budget = ffi.cast("int32_t **", core.budget())

--- Where the run budget stands, for who looks at it first and counts after:
-- `direct.budget[0][0]`.
direct.budget = budget

--- Whether a parking call that can finish at once may do so; counts it.
---@return boolean
function direct.spend()
  local left = budget[0][0]
  if left <= 1 then return false end
  budget[0][0] = left - 1
  return true
end

--- For a call whose outcome the task keeps from others, as a lock: the one that
-- would use up the run budget lets them run before it takes anything. Taken
-- first, it would be away for a whole turn, all others would come to wait for
-- it, and then every hand-over costs a switch, for ever. Parks. Returns what is
-- left of the budget then.
---@param call string "lock:acquire"
---@return number
function direct.renew(call)
  local code = core.checkpoint(call)
  if code then errors.fail(code) end
  return budget[0][0]
end

--- A function of the ABI that takes a handle alone, and returns a code. It
-- must be called only while a runtime runs (direct.is_running).
---@param name string
function direct.call(name)
  -- Handles are below 2^53, and a signed number is converted faster.
  local fn = ffi.cast("int (*)(void *, int64_t)", core.address(name))
  return function(handle) return fn(runtime[0], handle) end
end

local host = ffi.cast("void *", core.address "host")
local open_scope = ffi.cast("double (*)(void *, double)",
  core.address "scope_open_direct")
local leave_scope = ffi.cast("int (*)(void *, double)",
  core.address "scope_leave_direct")

direct.LEFT, direct.LEFT_LATE = 0, 1

--- Opens a scope with a deadline.
---@param seconds number
---@return number handle 0 if the C function has to be called, which knows why
function direct.open_scope(seconds) return open_scope(host, seconds) end

--- Leaves a scope whose body has returned.
---@param handle number
---@return number outcome LEFT, LEFT_LATE if the body has waited, or another:
-- the C function has to be called
function direct.leave_scope(handle) return leave_scope(host, handle) end

--- Whether a runtime runs in this thread's Lua state.
---@return boolean
function direct.is_running() return runtime[0] ~= nil end

return direct
