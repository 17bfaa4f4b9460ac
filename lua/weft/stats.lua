--- Numbers of the running program: what the loop has done, what there is, and
-- who waits for what.
--
-- The core counts turns and steps all the time, which costs an increment each;
-- the rest is found by walking through what there is when somebody asks. What
-- is kept in Lua, queues and channels, is listed only where places are kept
-- (`weft.debug{sites=true}`): their constructors have nothing to do otherwise.
-- @module weft.stats

local core = require "weft.core"
local entries = require "weft.entries"
local site = require "weft.site"

local stats = {}

-- enum weft_stat
local TURNS, STEPS, POLLS, TASKS, READY, RUNNING, PARKED, TIMERS, CALLS,
  LONGEST_STEP_NS = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10

-- -- Queues and channels ------------------------------------------------------

-- By object: its kind, its place, its run, and its number, in the order made.
local listed = setmetatable({}, { __mode = "k" })
local list_count = 0

--- Lists an object that was just made, if places are kept. It has a method
-- `statistics`.
---@param object table
---@param kind string "queue"
function stats.list(object, kind)
  if not site.on then return end
  list_count = list_count + 1
  listed[object] = { kind = kind, made = site.here(), run = core.run_id(),
    number = list_count }
end

local function queues_by_place()
  local found, numbers = {}, {}
  for object, about in entries(listed) do
    if about.run == core.run_id() then
      local entry = object:statistics()
      entry.kind, entry.made = about.kind, about.made
      found[#found + 1], numbers[entry] = entry, about.number
    end
  end
  table.sort(found, function(a, b) return numbers[a] < numbers[b] end)
  return found
end

-- -- Objects ------------------------------------------------------------------

-- What the core's kinds are called here; false for what is part of another
-- object, or of the machinery. A queue has three wait lists, a channel two.
local names = {
  task = false, scope = false, context = false, work = false,
  ["queue (to get)"] = "queue", ["queue (to put)"] = false,
  ["queue (to be done)"] = false,
  ["channel (to send)"] = "channel", ["channel (to receive)"] = false,
}

local function objects()
  local result = {}
  for kind, count in entries(core.object_counts()) do
    local name = names[kind]
    if name == nil then name = kind end
    if name then result[name] = count end
  end
  if result.group then -- the root group is always there
    result.group = result.group > 1 and result.group - 1 or nil
  end
  return result
end

-- -- All of it ----------------------------------------------------------------

local function count(number) return core.stat(number) or 0 end

--- Numbers of the running program, as a table of the caller's own:
--
-- `turns`, `switches` (steps of tasks begun), `polls` and `callbacks` since the
-- run began; `longest_step`, in seconds, where steps were timed, as
-- `weft.debug{slow=s}` does, else nil; `tasks`: how many there are in all
-- (`total`), `ready`, `running` and `parked`; `timers`: sleeps, deadlines and
-- calls that have a time; `waiting`: how many tasks wait, by what for, in the
-- words of `weft.tree()`; `objects`: how many of each kind are open, as
-- `queue`, `lock`, `stream`; `queues`: with `weft.debug{sites=true}` a list of
-- the queues and channels made since, in that order: what their `statistics()`
-- say, `kind`, and `made`, where that was.
--
-- Outside a run all numbers are zero.
---@return table
function stats.stats()
  local longest_ns = count(LONGEST_STEP_NS)
  return {
    turns = count(TURNS),
    switches = count(STEPS),
    polls = count(POLLS),
    callbacks = count(CALLS),
    longest_step = longest_ns > 0 and longest_ns / 1e9 or nil,
    tasks = { total = count(TASKS), ready = count(READY),
      running = count(RUNNING), parked = count(PARKED) },
    timers = count(TIMERS),
    waiting = core.wait_counts(),
    objects = objects(),
    queues = site.on and queues_by_place() or nil,
  }
end

return stats
