--- Tasks that wait in a line to give an item or to be given one: what queues
-- and channels hand over by.
--
-- The line itself is a wait list of the core; the items stay in Lua, under the
-- tasks' handles. Its `count` is of those in the line, and of those cancelled
-- that have not run since: the core has taken these out already. So where it is
-- 0 nobody waits, and no call of the core is needed to know. Whoever wakes a
-- task counts it off; one that was cancelled does so itself.
-- @module weft.waiters

local ffi = require "ffi"
local codes = require "weft.codes"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"

local waiters = {}

local ESHUTDOWN, ECLOSED, EEND = codes.ESHUTDOWN, codes.ECLOSED, codes.EEND

--- Makes an empty line. `word` says what its tasks wait for, in words that
-- core.waitlist_new knows; `call` is whose waiting that is.
---@param word string
---@param call string
---@return table
function waiters.new(word, call)
  local code, list = core.waitlist_new(word, call)
  if code then errors.fail(code) end
  return {
    list = list,
    guard = core.handle_guard("waitlist", list),
    count = 0,
    items = {}, -- by task: what one in the line gives, what one woken was given
    seats = 0, -- taken so far by tasks that wait for somebody (park)
  }
end

--- The number of tasks in the line.
---@return number
function waiters.waiting(line) return core.waitlist_count(line.list) end

-- -- Waiting ------------------------------------------------------------------

-- The codes of those who wake; any other is the canceller's, or says that the
-- task did not park at all.
local is_wakers = { [ESHUTDOWN] = true, [ECLOSED] = true, [EEND] = true }

--- Parks the running task at the end of the line, with the item that it gives,
-- if any. Meanwhile `seats`, if given, has its place under its handle. Returns
-- the code it was woken with and what its waker has left in the item's place.
-- The caller has made sure that it can park.
---@param line table
---@param call string
---@param item any
---@param seats table?
---@return number? code
---@return any left
function waiters.park(line, call, item, seats)
  local task, items = core.task_handle(), line.items
  items[task] = item
  line.count = line.count + 1
  if seats then
    line.seats = line.seats + 1
    seats[task] = line.seats
  end
  local code = core.waitlist_park(line.list, call)
  if code and not is_wakers[code] then line.count = line.count - 1 end
  local left = items[task]
  items[task] = nil
  if seats then seats[task] = nil end
  return code, left
end

-- -- Waking -------------------------------------------------------------------

local runtime = ffi.cast("void **", core.address "runtime")
local wake_first = ffi.cast(
  "int (*)(void *, int64_t, int, uint64_t, int64_t *)",
  core.address "weft_waitlist_wake")
local woken = ffi.new "int64_t[1]"

--- Wakes the first in the line, with `code` or success. Returns its handle; nil
-- if nobody waits.
---@param line table
---@param code number?
---@return number?
function waiters.wake(line, code)
  if runtime[0] == nil then return nil end
  wake_first(runtime[0], line.list, code or 0, 0, woken)
  local task = tonumber(woken[0])
  if task == 0 then return nil end
  line.count = line.count - 1
  return task
end
local wake = waiters.wake

--- Gives the item to the first in the line; false if nobody waits.
---@param line table
---@param item any
---@return boolean
function waiters.give(line, item)
  local task = wake(line)
  if not task then return false end
  line.items[task] = item
  return true
end

--- Takes the item of the first in the line; nil if nobody waits.
---@return any
function waiters.take(line)
  local task = wake(line)
  if not task then return nil end
  local item = line.items[task]
  line.items[task] = nil
  return item
end

--- Wakes all in the line, in order.
---@param line table
---@param code number?
function waiters.wake_all(line, code)
  while line.count > 0 and wake(line, code) do end
end

--- Wakes those in the line that have one of `seats`, in order.
---@param line table
---@param seats table
---@param code number
function waiters.wake_seats(line, seats, code)
  local tasks = {}
  for task in entries(seats) do tasks[#tasks + 1] = task end
  table.sort(tasks, function(a, b) return seats[a] < seats[b] end)
  for _, task in ipairs(tasks) do
    if core.waitlist_wake_task(line.list, task, code) then
      line.count = line.count - 1
    end
  end
end

return waiters
