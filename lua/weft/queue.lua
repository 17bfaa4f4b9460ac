--- Queues: items from those who put to those who get, in order.
--
-- The items stay in Lua; the core is asked only to park and to wake. Getters
-- wait only while nothing is stored, putters only while the queue is full. An
-- item that is put while somebody waits for one is handed over and not stored;
-- a place that comes free takes in the first putter's item at once. So whoever
-- is woken has what it waited for, and who comes in between finds nothing.
--
-- A store says in which order the items are got. That of `weft.queue` is a
-- ring, which its put and get know; the other classes' call their store's.
-- @module weft.queue

local codes = require "weft.codes"
local core = require "weft.core"
local direct = require "weft.direct"
local entries = require "weft.entries"
local errors = require "weft.error"
local ring = require "weft.ring"
local stats = require "weft.stats"
local waiters = require "weft.waiters"

local queue = {}

local ESHUTDOWN, EBADF = codes.ESHUTDOWN, codes.EBADF
local spend = direct.spend
local push, shift = ring.push, ring.shift
local give, park, wake = waiters.give, waiters.park, waiters.wake

-- A queue.
---@class weft.Queue
local Queue = {}

-- -- Making -------------------------------------------------------------------

local function check_max(max, word)
  if max == nil or type(max) == "number" and max == max then return end
  errors.fail_argument(("%s(max): max must be a number, got %s"):format(word,
    errors.shown(max)), 4)
end

--- Makes a class of queues, which messages call `word`. Its store has the
-- functions `init(self)`, `add(self, item)` and `take(self)` and keeps in
-- `self.count` how many items it holds; only `add` may fail, and then it has
-- changed nothing.
---@param word string "lifo_queue"
---@param name string "weft.LifoQueue"
---@param store table
---@return table methods
---@return table metatable
function queue.class(word, name, store)
  local methods = { word = word, store = store, calls = {} }
  for key, method in entries(Queue) do methods[key] = method end
  for _, call in ipairs { "put", "get", "items", "join" } do
    methods.calls[call] = word .. ":" .. call
  end
  return methods, { __name = name, __index = methods, __call = Queue.next_item }
end

--- Makes an empty queue of a class.
---@param metatable table
---@param max number?
function queue.make(metatable, max)
  local word = metatable.__index.word
  check_max(max, word)
  max = max and max > 0 and max or math.huge
  local call = "weft." .. word
  local self = setmetatable({
    max = max,
    room = max, -- put stores while there are fewer items; 0 when shut down
    unfinished = 0,
    closed = false,
    getters = waiters.new("queue (to get)", call),
    putters = waiters.new("queue (to put)", call),
    joiners = waiters.new("queue (to be done)", call),
  }, metatable)
  self.store.init(self)
  stats.list(self, word)
  return self
end

-- -- Failing ------------------------------------------------------------------

local function raise(class, text)
  error(errors.trace(errors.classes[class](text)), 0)
end

local function fail_nil(self, call)
  errors.fail_argument(("%s:%s(v): v must not be nil, which is no item"):format(
    self.word, call), 3)
end

local function fail_shut_down(self, call, state)
  raise("QueueShutDown", ("%s:%s: the queue is %s"):format(self.word, call,
    state or "shut down"))
end

-- What the code means that a wait in `call` has ended with.
local function fail_wait(self, call, code)
  if code == ESHUTDOWN then fail_shut_down(self, call) end
  if code ~= EBADF then errors.fail(code) end
  raise("ClosedError", ("%s:%s: the queue is of a run that has ended; make one "
    .. "in this run"):format(self.word, call))
end

-- -- Putting ------------------------------------------------------------------

-- Gives the item to the first getter, or stores it; there is room.
local function deliver(self, item)
  if self.getters.count == 0 or not give(self.getters, item) then
    self.store.add(self, item)
  end
  self.unfinished = self.unfinished + 1
end

-- Parks until a getter has taken the item in, or the store has refused it.
local function wait_to_put(self, item)
  local code, refusal = park(self.putters, self.calls.put, item)
  if code then fail_wait(self, "put", code) end
  if refusal then error(refusal.err, 0) end
end

local function put_slowly(self, item)
  if item == nil then fail_nil(self, "put") end
  local code = core.cancel_point(self.calls.put)
  if code then errors.fail(code) end
  if self.closed then fail_shut_down(self, "put") end
  if self.count >= self.room then return wait_to_put(self, item) end
  deliver(self, item)
  core.spend(self.calls.put)
end

--- Puts `item`. Parks while the queue is full. Cancelled, it put nothing.
---@param item any not nil
function Queue:put(item)
  if item ~= nil and self.count < self.room and spend() then
    return deliver(self, item)
  end
  return put_slowly(self, item)
end

--- Puts `item` or raises QueueFull.
---@param item any not nil
function Queue:try_put(item)
  if item == nil then fail_nil(self, "try_put") end
  if self.closed then fail_shut_down(self, "try_put") end
  if self.count >= self.room then
    raise("QueueFull", ("%s:try_put: the queue holds %s items already, its "
      .. "max; put waits for room"):format(self.word, self.count))
  end
  deliver(self, item)
end

-- -- Getting ------------------------------------------------------------------

-- The free place goes to the first putter whose item the store does not refuse;
-- a refusal is told by that put, not here.
local function admit(self)
  local items = self.putters.items
  repeat
    local putter = wake(self.putters)
    if not putter then return end
    local ok, err = xpcall(self.store.add, errors.trace, self, items[putter])
    items[putter] = not ok and { err = err } or nil
  until ok
  self.unfinished = self.unfinished + 1
end

-- Takes the next item; there is one.
local function take(self)
  local item = self.store.take(self)
  if self.putters.count > 0 then admit(self) end
  return item
end

-- Returns nil if the queue is shut down and empty.
local function get_slowly(self, call)
  local name = self.calls[call]
  local code = core.cancel_point(name)
  if code then errors.fail(code) end
  if self.count > 0 then
    local item = take(self)
    core.spend(name)
    return item
  end
  if self.closed then return nil end
  local item
  code, item = park(self.getters, name)
  if code and code ~= ESHUTDOWN then fail_wait(self, call, code) end
  return item
end

local function get_or_fail(self)
  local item = get_slowly(self, "get")
  if item == nil then fail_shut_down(self, "get", "shut down and empty") end
  return item
end

--- Takes the next item. Parks while there is none. Cancelled, it took none.
---@return any
function Queue:get()
  if self.count > 0 and spend() then return take(self) end
  return get_or_fail(self)
end

--- Takes the next item or raises QueueEmpty.
---@return any
function Queue:try_get()
  if self.count > 0 then return (take(self)) end
  if self.closed then fail_shut_down(self, "try_get", "shut down and empty") end
  return raise("QueueEmpty", self.word .. ":try_get: the queue is empty; get "
    .. "waits for an item")
end

-- What a queue does when it is called: the next item, nil at the end.
function Queue:next_item()
  if self.count > 0 and spend() then return take(self) end
  return get_slowly(self, "items")
end

--- For loops: gets until the queue is shut down and drained. Parks.
---@return fun(): any what can be called for the next item: the queue itself
function Queue:items() return self end

-- -- Done and over ------------------------------------------------------------

-- An item may have been marked done before it was got.
local function finish(self, count)
  self.unfinished = math.max(self.unfinished - count, 0)
  if self.unfinished == 0 then waiters.wake_all(self.joiners) end
end

--- Marks one item that was got as done.
function Queue:task_done()
  if self.unfinished == 0 then
    errors.fail_state(self.word .. ":task_done: called more often than items "
      .. "were put; call it once for each item")
  end
  finish(self, 1)
end

--- Waits until every item put has been marked done. Parks.
function Queue:join()
  local name = self.calls.join
  local code
  if self.unfinished == 0 then
    code = core.checkpoint(name)
  else
    core.check_park(name)
    code = park(self.joiners, name)
  end
  if code then fail_wait(self, "join", code) end
end

--- Ends the queue: put raises QueueShutDown, get drains it first. With
-- `immediate` the items stored are dropped and count as done.
---@param immediate boolean?
function Queue:shutdown(immediate)
  local dropped = immediate and self.count or 0
  if dropped > 0 then self.store.init(self) end
  self.closed, self.room = true, 0
  waiters.wake_all(self.putters, ESHUTDOWN)
  waiters.wake_all(self.getters, ESHUTDOWN)
  if dropped > 0 then finish(self, dropped) end
end

-- -- Looking ------------------------------------------------------------------

--- The number of items stored.
---@return number
function Queue:size() return self.count end

--- The number of items it may hold; 0: any.
---@return number
function Queue:maxsize() return self.max == math.huge and 0 or self.max end

--- Whether no item is stored.
---@return boolean
function Queue:empty() return self.count == 0 end

--- Whether it holds as many items as it may.
---@return boolean
function Queue:full() return self.count >= self.max end

--- What the queue holds and who waits: `size`, `maxsize`, `unfinished` (items
-- put and not marked done), and how many tasks wait as `getters`, `putters` and
-- `joiners`.
---@return table
function Queue:statistics()
  return {
    size = self.count,
    maxsize = self:maxsize(),
    unfinished = self.unfinished,
    getters = waiters.waiting(self.getters),
    putters = waiters.waiting(self.putters),
    joiners = waiters.waiting(self.joiners),
  }
end

-- -- The oldest first ---------------------------------------------------------
-- The same as above, with the store's functions in place.

local Fifo, metatable = queue.class("queue", "weft.Queue",
  { init = ring.init, add = push, take = shift })

local function deliver_to_ring(self, item)
  if self.getters.count == 0 or not give(self.getters, item) then
    push(self, item)
  end
  self.unfinished = self.unfinished + 1
end

function Fifo:put(item)
  if item ~= nil and self.count < self.room and spend() then
    return deliver_to_ring(self, item)
  end
  return put_slowly(self, item)
end

local function take_from_ring(self)
  local item = shift(self)
  if self.putters.count > 0 then admit(self) end
  return item
end

function Fifo:get()
  if self.count > 0 and spend() then return take_from_ring(self) end
  return get_or_fail(self)
end

--- Makes a queue for at most `max` items; nil, zero or less: any number.
---@param max number?
---@return weft.Queue
function queue.new(max)
  local object = queue.make(metatable, max)
  return object -- no tail call: errors count the frames
end

return queue
