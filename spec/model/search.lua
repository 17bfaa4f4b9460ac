--- Looks for a program that fails, and shows it as small as it can be made.
local program = require "spec.model.program"
local random = require "spec.model.random"
local run = require "spec.model.run"
local shrink = require "spec.model.shrink"
local text = require "spec.model.text"

local search = {}

local SHUFFLES = 3 -- of each program, which is run unshuffled too
search.SCHEDULES = 1 + SHUFFLES
local SHRINK_SHUFFLES = 8

-- The shuffle seeds of a program; false: none.
local function shuffles(seed)
  local draw, list = random.new(seed), { false }
  for i = 1, SHUFFLES do list[i + 1] = draw(2 ^ 30) end
  return list
end

-- Runs the schedules of a program until one fails. Returns how many were run,
-- and of the one that failed its world and shuffle seed.
local function run_schedules(made, list, api)
  for i, shuffle in ipairs(list) do
    local world = run.run(made, shuffle or nil, api)
    if world.problem then return i, world, shuffle end
  end
  return #list
end

-- Shrinks it, with the schedule that failed, the one that is simplest, and some
-- more: to take something out changes what a shuffle does. nil if it does not
-- fail again.
local function explain(seed, made, shuffle, api)
  local list = { false }
  for i = 1, shuffle and SHRINK_SHUFFLES or 0 do list[i + 1] = i end
  if shuffle then table.insert(list, 2, shuffle) end
  shrink.shrink(made, function()
    local _, world = run_schedules(made, list, api)
    return world ~= nil
  end)
  local _, world, needed = run_schedules(made, list, api)
  if not world then return nil end
  return {
    seed = seed, problem = world.problem, size = program.size(made),
    shuffle = needed, program = text.of(made),
    log = text.log(made, world.log),
  }
end

--- Runs the program of a seed in its schedules; returns how many those were,
-- and if one failed what was wrong: `problem`; `program` and `log`, the shrunk
-- program and what happened in it, as text; `size`, its operations; `shuffle`,
-- its shuffle seed; `seed`. `api` stands in for weft.
function search.try(seed, api)
  local made = program.generate(seed)
  local count, world, shuffle = run_schedules(made, shuffles(seed), api)
  if not world then return count end
  return count, explain(seed, made, shuffle, api) or {
    seed = seed, problem = world.problem .. "\n(It did not fail again.)",
    size = program.size(made), shuffle = shuffle,
    program = text.of(made), log = text.log(made, world.log),
  }
end

--- Tries programs, of the seeds from `first` on, until one fails or `schedules`
-- have been run. Returns how many were, and the failure or nil.
function search.find(first, schedules, api)
  local count, seed = 0, first
  while count < schedules do
    local more, failure = search.try(seed, api)
    count, seed = count + more, seed + 1
    if failure then return count, failure end
  end
  return count
end

--- A failure as text, for the one who has to mend it.
function search.describe(failure)
  return table.concat({
    failure.problem,
    "The smallest program that still fails, "
      .. (failure.shuffle and "shuffled by seed " .. failure.shuffle
        or "not shuffled") .. ":",
    (failure.program:gsub("([^\n]+)", "  %1")),
    "What happened:",
    (failure.log:gsub("([^\n]+)", "  %1")),
    "To see it again: make fuzz SEED=" .. failure.seed,
  }, "\n")
end

return search
