--- A pipeline: items go through stages, each with workers of its own and a
-- bounded queue before it, so that a slow stage holds up the ones before.
--
-- Lua only, on the public API: the workers are tasks of one group, so the first
-- failure stops everything, and nothing outlives the call.
-- @module weft.pipeline

local weft = require "weft"
local options = require "weft.options"

local pipeline = {}

local BUFFER = 16

local stage_kinds = {
  options.func, workers = options.count(1), name = options.text,
}
local stage_list = options.list "function or {function, workers=, name=}"
local kinds = {
  buffer = options.count(1), ordered = options.flag, into = options.func,
}

-- -- Arguments ----------------------------------------------------------------

local function item_source(value)
  if options.func(value) and type(value) ~= "table" then
    return "a list, an iterator, or have :items()"
  end
end

-- A function that gives the next item; nil at the end.
local function drawer(source)
  options.expect("pipeline(source, stages): source", item_source, source, 3)
  if not options.func(source) then return source end
  if type(source.items) == "function" then
    local next_item, state, last = source:items()
    return function()
      last = next_item(state, last)
      return last
    end
  end
  local i = 0
  return function()
    i = i + 1
    return source[i]
  end
end

local function check_stages(stages)
  options.expect("pipeline(source, stages): stages", stage_list, stages, 3)
  local checked = {}
  for i, stage in ipairs(stages) do
    local what = "pipeline: stage " .. i
    if not options.func(stage) then stage = { stage } end
    options.check(what, stage, stage_kinds)
    options.expect(what .. "[1]", options.func, stage[1], 3)
    checked[i] = { fn = stage[1], workers = stage.workers or 1,
      name = stage.name or "stage " .. i }
  end
  return checked
end

-- -- Belts --------------------------------------------------------------------
-- A belt is the queue of packets before a stage. Where several workers have to
-- keep the order, each packet has an event, set when what became of it is on
-- the next belt, and the event of the packet before: a worker that is done
-- early waits for that one. So order is kept from belt to belt.

local function new_belt(buffer, ordered)
  return { queue = weft.queue(buffer), ordered = ordered }
end

local function put(belt, item)
  local packet = { item = item }
  if belt.ordered then
    packet.before, packet.passed = belt.last, weft.event()
    belt.last = packet.passed
  end
  belt.queue:put(packet)
end

local function work(stage, source, target)
  for packet in source.queue:items() do
    local result = stage.fn(packet.item)
    if packet.before then packet.before:wait() end
    if result ~= nil then put(target, result) end
    if packet.passed then packet.passed:set() end
  end
  stage.workers = stage.workers - 1
  if stage.workers == 0 then target.queue:shutdown() end
end

local function feed(draw, belt)
  for item in draw do put(belt, item) end
  belt.queue:shutdown()
end

-- -- Running ------------------------------------------------------------------

local function collect(results)
  local list = {}
  for result in results do list[#list + 1] = result end
  return list
end

-- Calls the consumer in the caller's task. When it returns early, the rest is
-- of no use.
local function consume(g, belt, into)
  local items, queue = belt.queue:items()
  local function finish(...)
    g:cancel "the pipeline's results are not wanted any more"
    return ...
  end
  return finish(into(function()
    local packet = items(queue)
    return packet and packet.item
  end))
end

--- Takes items from `source` through the stages and returns the list of what
-- comes out. `source` is a list, an iterator function (which may park), or has
-- `:items()`, like a queue. A stage is a function, or `{fn, workers=, name=}`
-- with as many tasks as workers (1); it gets an item and returns what goes on;
-- nil drops the item: a filter, or a last stage that only stores. opts:
--
-- - `buffer`: how many items wait before each stage at most, 16 by default;
-- - `ordered`: results come in the order of the source; a worker then holds its
--   result until those before have passed. Default: in the order they are done;
-- - `into(results)`: called in this task with an iterator over the results;
--   what it returns, pipeline returns. If it returns early, the rest is
--   cancelled.
--
-- Parks. The first failure, of the source, a stage or `into`, cancels
-- everything; all are raised in one ErrorGroup, as by a group. Raises
-- ArgumentError. Cancelled, it raises that when all its tasks have ended.
---@param source table|function
---@param stages table
---@param opts table?
function pipeline.pipeline(source, stages, opts)
  local draw = drawer(source)
  stages = check_stages(stages)
  opts = options.check("pipeline", opts, kinds)
  local buffer, ordered = opts.buffer or BUFFER, opts.ordered
  return weft.group(function(g)
    local belts = {}
    for i, stage in ipairs(stages) do
      belts[i] = new_belt(buffer, ordered and stage.workers > 1)
    end
    belts[#stages + 1] = new_belt(buffer)
    g:spawn("source", feed, draw, belts[1])
    for i, stage in ipairs(stages) do
      for _ = 1, stage.workers do
        g:spawn(stage.name, work, stage, belts[i], belts[i + 1])
      end
    end
    return consume(g, belts[#belts], opts.into or collect)
  end)
end

return pipeline
