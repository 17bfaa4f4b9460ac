--- Queues: items from those who put to those who get, in order.
--
-- The items stay in Lua, in a ring; the core is asked only to park and to wake.
-- Each call looks at one word of the core's, the run budget: above 1, a call
-- that can finish at once may do so without asking.
-- @module weft.queue

local ffi = require "ffi"
local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"

local queue = {}

local ESHUTDOWN = codes.ESHUTDOWN

-- A queue.
---@class weft.Queue
local Queue = {}
local metatable = { __name = "weft.Queue", __index = Queue }

local function new_list(word)
  local code, list = core.waitlist_new(word, "weft.queue")
  if code then errors.fail(code) end
  return list, core.handle_guard("waitlist", list)
end

--- Makes a queue for at most `max` items; nil, zero or less: any number.
---@param max number?
---@return weft.Queue
function queue.new(max)
  if max ~= nil and (type(max) ~= "number" or max ~= max) then
    errors.fail_argument("queue(max): max must be a number, got "
      .. errors.shown(max))
  end
  local getters, getters_guard = new_list "queue (to get)"
  local putters, putters_guard = new_list "queue (to put)"
  local joiners, joiners_guard = new_list "queue (to be done)"
  return setmetatable({
    ring = {}, first = 1, last = 0, -- ring[first .. last]
    max = max and max > 0 and max or math.huge,
    unfinished = 0,
    closed = false,
    getters = getters, putters = putters, joiners = joiners,
    getting = 0, putting = 0, -- tasks in their lists, or about to leave them
    handed = {}, offered = {}, -- items by task: to a getter, of a putter
    budget = ffi.cast("int32_t **", core.budget()),
    guards = { getters_guard, putters_guard, joiners_guard },
  }, metatable)
end

local function check_item(value)
  if value == nil then
    errors.fail_argument("queue:put(v): nil is not an item", 3)
  end
end

local function fail_shut_down(level)
  error(errors.trace(errors.classes.QueueShutDown "the queue is shut down"),
    level)
end

-- -- Putting ------------------------------------------------------------------

-- Gives the item to the first getter, or stores it.
local function deliver(self, value)
  self.unfinished = self.unfinished + 1
  local getter = self.getting > 0 and core.waitlist_wake(self.getters)
  if getter then
    self.handed[getter] = value
    return
  end
  local last = self.last + 1
  self.ring[last] = value
  self.last = last
end

local function has_room(self)
  return self.last - self.first + 1 < self.max
end

-- One who was cancelled is not in the list any more, though it still counts
-- in `putting` or `getting` until it runs.
local function is_waited_on(list) return core.waitlist_count(list) > 0 end

local function put_slowly(self, value)
  local code = core.cancel_point "queue:put"
  if code then errors.fail(code) end
  if self.closed then fail_shut_down(0) end
  if has_room(self) and not is_waited_on(self.putters) then
    deliver(self, value)
    core.spend "queue:put"
    return
  end
  local me = core.task_handle()
  self.offered[me] = value
  self.putting = self.putting + 1
  code = core.waitlist_park(self.putters, "queue:put")
  self.putting = self.putting - 1
  self.offered[me] = nil
  if code then
    errors.fail(code, code == ESHUTDOWN and "the queue is shut down" or nil)
  end
end

--- Puts `value`. Parks while the queue is full. Cancelled, it put nothing.
---@param value any not nil
function Queue:put(value)
  if value == nil then check_item(value) end
  local budget = self.budget
  local left = budget[0][0]
  if left > 1 and self.putting == 0 and not self.closed and has_room(self) then
    budget[0][0] = left - 1
    return deliver(self, value)
  end
  return put_slowly(self, value)
end

--- Puts `value` or raises QueueFull.
---@param value any not nil
function Queue:try_put(value)
  check_item(value)
  if self.closed then fail_shut_down(0) end
  if not has_room(self) or is_waited_on(self.putters) then
    error(errors.trace(errors.classes.QueueFull(
      "the queue holds " .. self.max .. " items already")), 0)
  end
  deliver(self, value)
end

-- -- Getting ------------------------------------------------------------------

-- Takes the oldest item; the free place goes to the first putter's.
local function take(self)
  local first = self.first
  local value = self.ring[first]
  self.ring[first] = nil
  if first == self.last then
    self.first, self.last = 1, 0
  else
    self.first = first + 1
  end
  local putter = self.putting > 0 and core.waitlist_wake(self.putters)
  if putter then deliver(self, self.offered[putter]) end
  return value
end

local function get_slowly(self)
  local code = core.cancel_point "queue:get"
  if code then errors.fail(code) end
  if self.last >= self.first then
    local value = take(self)
    core.spend "queue:get"
    return value
  end
  if self.closed then fail_shut_down(0) end
  self.getting = self.getting + 1
  code = core.waitlist_park(self.getters, "queue:get")
  self.getting = self.getting - 1
  if code then
    errors.fail(code, code == ESHUTDOWN and "the queue is shut down" or nil)
  end
  local me = core.task_handle()
  local value = self.handed[me]
  self.handed[me] = nil
  return value
end

--- Takes the oldest item. Parks while there is none. Cancelled, it took none.
---@return any
function Queue:get()
  local budget = self.budget
  local left = budget[0][0]
  if left > 1 and self.last >= self.first then
    budget[0][0] = left - 1
    return take(self)
  end
  return get_slowly(self)
end

--- Takes the oldest item or raises QueueEmpty.
---@return any
function Queue:try_get()
  if self.last < self.first then
    if self.closed then fail_shut_down(0) end
    error(errors.trace(errors.classes.QueueEmpty "the queue is empty"), 0)
  end
  return take(self)
end

local function next_item(self)
  if self.closed and self.last < self.first then
    local code = core.cancel_point "queue:items"
    if code then errors.fail(code) end
    return nil
  end
  local ok, value = pcall(self.get, self)
  if ok then return value end
  if errors.is_error(value) and value:is "QueueShutDown" then return nil end
  error(value, 0)
end

--- For loops: gets until the queue is shut down and drained. Parks.
function Queue:items() return next_item, self end

-- -- Done and over ------------------------------------------------------------

-- Items may have been marked done before they were got.
local function finish(self, count)
  self.unfinished = math.max(self.unfinished - count, 0)
  if self.unfinished > 0 then return end
  while core.waitlist_wake(self.joiners) do end
end

--- Marks one item that was got as done.
function Queue:task_done()
  if self.unfinished == 0 then
    errors.fail_state "queue:task_done: called more often than items were put"
  end
  finish(self, 1)
end

--- Waits until every item put has been marked done. Parks.
function Queue:join()
  local code
  if self.unfinished == 0 then code = core.checkpoint "queue:join"
  else code = core.waitlist_park(self.joiners, "queue:join") end
  if code then errors.fail(code) end
end

--- Ends the queue: put raises QueueShutDown, get drains it first. With
-- `immediate` the items stored are dropped and count as done.
---@param immediate boolean?
function Queue:shutdown(immediate)
  self.closed = true
  while core.waitlist_wake(self.putters, ESHUTDOWN) do end
  while core.waitlist_wake(self.getters, ESHUTDOWN) do end
  if not immediate then return end
  local dropped = self:size()
  self.ring, self.first, self.last = {}, 1, 0
  if dropped > 0 then finish(self, dropped) end
end

-- -- Looking ------------------------------------------------------------------

--- The number of items stored.
---@return number
function Queue:size() return self.last - self.first + 1 end

--- The number of items it may hold; 0: any.
---@return number
function Queue:maxsize() return self.max == math.huge and 0 or self.max end

--- Whether no item is stored.
---@return boolean
function Queue:empty() return self.last < self.first end

--- Whether put would wait.
---@return boolean
function Queue:full() return not has_room(self) end

return queue
