--- Limiters: tokens lent to tasks, one to each, first come, first served. The
-- limiter knows who borrows: what a task has when it ends comes back by itself.
-- @module weft.limiter

local codes = require "weft.codes"
local core = require "weft.core"
local direct = require "weft.direct"
local errors = require "weft.error"
local primitive = require "weft.primitive"
local scope = require "weft.scope"

local check_function = scope.check_function
local budget, is_running = direct.budget, direct.is_running
local try_acquire = direct.call "weft_limiter_try_acquire"
local release = direct.call "weft_limiter_release"

local limiter = {}

local OK, EEMPTY = 0, codes.EEMPTY

-- A limiter.
---@class weft.Limiter
local Limiter, metatable = primitive.class("limiter", "weft.Limiter")
primitive.make_resource(Limiter)

local function check_total(total, call)
  if scope.is_count(total, 0) then return total end
  errors.fail_argument(call .. "(total): total must be a whole number of 0 or "
    .. "more, below 2^53, got " .. errors.shown(total), 3)
end

--- Makes a limiter of `total` tokens.
---@param total number
---@return weft.Limiter
function limiter.new(total)
  check_total(total, "limiter")
  local object = primitive.new(metatable, core.limiter_new(total))
  return object -- no tail call: errors count the frames
end

local function fail_acquire(self, call, code)
  return primitive.fail(self, call, code, "limiter:" .. call
    .. ": this task has a token already, and may have one only")
end

--- Borrows a token. Parks while none is to be had. Cancelled, it borrowed none.
-- Raises InvalidStateError if this task has one.
function Limiter:acquire()
  local left = budget[0][0]
  if left == 1 then left = direct.renew "limiter:acquire" end
  if left > 1 and try_acquire(self.handle) == OK then
    budget[0][0] = left - 1
    return
  end
  local code = core.limiter_acquire(self.handle)
  if code then fail_acquire(self, "acquire", code) end
end

--- Borrows a token if one is to be had and nobody waits; whether it did. Raises
-- as acquire does.
---@return boolean
function Limiter:try_acquire()
  local code = core.limiter_try_acquire(self.handle)
  if not code then return true end
  if code == EEMPTY then return false end
  return fail_acquire(self, "try_acquire", code)
end

--- Gives this task's token to the first who waits, or back. Raises
-- InvalidStateError if it has none.
function Limiter:release()
  local code = is_running() and release(self.handle)
    or core.limiter_release(self.handle)
  if code ~= OK then
    primitive.fail(self, "release", code,
      "limiter:release: this task has no token to give back")
  end
end

--- Borrows a token, calls `fn()`, gives it back on every way out; returns fn's
-- results, or raises its error. Parks. Cancelled while it waits, it borrowed
-- none, and fn was not called.
---@param fn function
function Limiter:with(fn)
  check_function(fn, "limiter:with(fn): fn")
  self:acquire()
  return primitive.leave(self, xpcall(fn, errors.trace))
end

--- Changes the number of tokens. More serve those who wait at once; fewer take
-- nothing back, and none is lent until enough have come back.
---@param total number
function Limiter:set_total(total)
  check_total(total, "limiter:set_total")
  local code = core.limiter_set_total(self.handle, total)
  if code then primitive.fail(self, "set_total", code) end
end

--- All of it in one table: `total`, `borrowed`, `available`, and `waiting`, the
-- number of tasks that wait.
---@return table
function Limiter:statistics()
  local code, total, borrowed, waiting = core.limiter_counts(self.handle)
  if code then primitive.fail(self, "statistics", code) end
  return {
    total = total, borrowed = borrowed, waiting = waiting,
    available = math.max(total - borrowed, 0),
  }
end

return limiter
