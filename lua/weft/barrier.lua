--- Barriers: tasks wait there until enough of them have come, round after
-- round.
-- @module weft.barrier

local core = require "weft.core"
local errors = require "weft.error"
local primitive = require "weft.primitive"
local scope = require "weft.scope"

local barrier = {}

-- A barrier.
---@class weft.Barrier
local Barrier, metatable = primitive.class("barrier", "weft.Barrier")

--- Makes a barrier for `n` tasks.
---@param n number
---@return weft.Barrier
function barrier.new(n)
  if not scope.is_count(n, 1) then
    errors.fail_argument("barrier(n): n must be a whole number of at least 1, "
      .. "below 2^53, got " .. errors.shown(n))
  end
  local object = primitive.new(metatable, core.barrier_new(n))
  return object -- no tail call: errors count the frames
end

--- Waits until n tasks wait, this one included; the last to come does not park.
-- Parks. Cancelled before that, the place is free again and nothing is broken.
---@return number index of this task among the round's, by arrival, from 0
function Barrier:wait()
  local code, index = core.barrier_wait(self.handle)
  if code then
    primitive.fail(self, "wait", code, "barrier:wait: the barrier was aborted, "
      .. "or reset while this task waited")
  end
  return index
end

--- Raises BrokenBarrierError in those who wait; the barrier is as new.
function Barrier:reset()
  local code = core.barrier_reset(self.handle)
  if code then primitive.fail(self, "reset", code) end
end

--- Raises BrokenBarrierError in those who wait and in every wait from now on,
-- until `reset`.
function Barrier:abort()
  local code = core.barrier_abort(self.handle)
  if code then primitive.fail(self, "abort", code) end
end

local function state_of(self, call)
  local code, parties, waiting, broken =
    core.barrier_state(self.handle, "barrier:" .. call)
  if code then primitive.fail(self, call, code) end
  return parties, waiting, broken
end

--- The number of tasks that a round takes.
---@return number
function Barrier:parties() return (state_of(self, "parties")) end

--- The number of tasks that wait.
---@return number
function Barrier:n_waiting() return (select(2, state_of(self, "n_waiting"))) end

--- Whether it was aborted, and not reset since.
---@return boolean
function Barrier:broken() return (select(3, state_of(self, "broken"))) end

--- All of this in one table: `parties`, `broken`, and `waiting`, the number of
-- tasks that wait.
---@return table
function Barrier:statistics()
  local parties, waiting, broken = state_of(self, "statistics")
  return { parties = parties, waiting = waiting, broken = broken }
end

return barrier
