--- Queues that give the smallest item first, equal ones in the order put.
--
-- All comparing is done when an item is put: `less` may fail, and then it is
-- that put which fails, with the queue as it was. A heap would have to compare
-- at a get too, where nobody is left to be told. So the items are kept sorted,
-- the next one last, in runs short enough to insert into: a put is two binary
-- searches and moves part of a run, a get takes the end off the last run.
--
-- A search calls code of the user's unless it compares numbers or strings by
-- `<`. That code runs behind a C boundary, where it cannot park, and the queue
-- refuses to be used by it.
-- @module weft.priority_queue

local core = require "weft.core"
local errors = require "weft.error"
local queue = require "weft.queue"

local priority_queue = {}

local floor = math.floor

-- A run of that many items is split.
local RUN_MAX = 128

-- -- Runs ---------------------------------------------------------------------

-- Where `item` goes, before all that it is not less than, for these are got
-- earlier: the number of the run, and the place in it.
local function find(self, less, item)
  local runs = self.runs
  local low, high = 1, self.run_count
  while low < high do
    local middle = floor((low + high) / 2)
    local run = runs[middle]
    if less(item, run[run.count]) then low = middle + 1 else high = middle end
  end
  local number, run = low, runs[low]
  low, high = 1, run.count + 1
  while low < high do
    local middle = floor((low + high) / 2)
    if less(item, run[middle]) then low = middle + 1 else high = middle end
  end
  return number, low
end

-- Moves the end of a full run into one of its own, which follows.
local function split(self, number)
  local runs, run = self.runs, self.runs[number]
  local half = RUN_MAX / 2
  local tail = { count = half }
  for i = 1, half do tail[i], run[half + i] = run[half + i], nil end
  run.count = half
  self.run_count = self.run_count + 1
  for i = self.run_count, number + 2, -1 do runs[i] = runs[i - 1] end
  runs[number + 1] = tail
end

local function insert(self, number, place, item)
  local run = self.runs[number]
  local count = run.count + 1
  for i = count, place + 1, -1 do run[i] = run[i - 1] end
  run[place] = item
  run.count = count
  self.count = self.count + 1
  if count == RUN_MAX then split(self, number) end
end

-- -- Comparing ----------------------------------------------------------------

local function is_less(a, b) return a < b end

-- Whether items of that type are compared by `<` without calling anything.
local is_plain = { number = true, string = true }

local find_apart = core.boundary("less of a priority_queue", find)

local function check_unused(self)
  if self.comparing then
    errors.fail_state "priority_queue: its less must not use the queue itself"
  end
end

-- Says which put it was where `<` is not defined; other errors are the user's.
local function explained(self, item, err)
  if self.less or type(err) ~= "string"
    or not err:find "weft/priority_queue%.lua:%d+: attempt to compare" then
    return err
  end
  local text = "priority_queue:put(v): v, a %s, has no order among the items "
    .. "there: %s; put what `<` compares, or give the queue a less"
  return errors.trace(errors.classes.ArgumentError(
    text:format(type(item), err:match "attempt to compare.*")))
end

local function find_with_users_code(self, item)
  check_unused(self)
  self.comparing = true
  local ok, number, place = xpcall(find_apart, errors.trace, self,
    self.less or is_less, item)
  self.comparing = false
  if not ok then error(explained(self, item, number), 0) end
  return number, place
end

local function check_number(item)
  if item ~= item then
    errors.fail_argument("priority_queue:put(v): v must not be NaN, which has "
      .. "no order among numbers; give the queue a less")
  end
end

-- -- The store ----------------------------------------------------------------

local function init(self)
  check_unused(self)
  self.runs = { { count = 0 } } -- each sorted, none empty but an only one
  self.run_count = 1
  self.count = 0
  self.plain = nil -- the type of all items, if they are of one that is_plain
end

local function add(self, item)
  local kind = not self.less and is_plain[type(item)] and type(item) or nil
  if kind == "number" then check_number(item) end
  if self.count == 0 then
    self.plain = kind
    return insert(self, 1, 1, item)
  end
  if kind and kind == self.plain then
    local number, place = find(self, is_less, item)
    return insert(self, number, place, item)
  end
  local number, place = find_with_users_code(self, item)
  self.plain = nil
  insert(self, number, place, item)
end

local function take(self)
  check_unused(self)
  local number = self.run_count
  local run = self.runs[number]
  local count = run.count
  local item = run[count]
  run[count] = nil
  run.count = count - 1
  self.count = self.count - 1
  if count == 1 and number > 1 then
    self.runs[number] = nil
    self.run_count = number - 1
  end
  return item
end

-- -- The class ----------------------------------------------------------------

local _, metatable = queue.class("priority_queue", "weft.PriorityQueue",
  { init = init, add = add, take = take })

--- Makes a queue for at most `max` items (nil, zero or less: any number), with
-- the methods of `weft.queue`, that gives the smallest item first, by
-- `less(a, b)` or by `<`, and equal ones in the order put. An error of `less`
-- is raised by the put whose item was compared, and the queue is as it was.
-- `less` must neither park nor use the queue.
---@param max number?
---@param less (fun(a: any, b: any): boolean)?
---@return weft.Queue
function priority_queue.new(max, less)
  if less ~= nil and type(less) ~= "function" then
    errors.fail_argument("priority_queue(max, less): less must be a function, "
      .. "got " .. errors.shown(less))
  end
  local object = queue.make(metatable, max)
  object.less = less
  return object
end

return priority_queue
