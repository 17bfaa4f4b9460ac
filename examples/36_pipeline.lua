--- A pipeline: items go through stages that work at the same time.
--
--   weft examples/36_pipeline.lua
--
-- It prints
--   ANT 1, CAT 3, DOG 4, FOX 6
--   at most 3 in the first stage, 1 in the second
--   the first two: ANT 1, CAT 3

local weft = require "weft"

local WORDS = { "ant", "bee", "cat", "dog", "eel", "fox" }

-- Counts how many are in a stage at the same time.
local running, most = {}, {}
local function work(stage, seconds)
  running[stage] = (running[stage] or 0) + 1
  most[stage] = math.max(most[stage] or 0, running[stage])
  weft.sleep(seconds)
  running[stage] = running[stage] - 1
end

-- A stage gets an item and returns what goes on to the next one. Here: a table
-- of a word and its number, looked up; then a text.
local function look_up(number)
  work("first", 0.01)
  if WORDS[number]:find "ee" then return nil end -- dropped: a filter
  return { word = WORDS[number], number = number }
end

local function write(entry)
  work("second", 0.001)
  return entry.word:upper() .. " " .. entry.number
end

-- A slow stage gets more workers. Between stages there is little room: a fast
-- one waits for a slow one.
local stages = { { look_up, workers = 3 }, write }
local lines = weft.pipeline({ 1, 2, 3, 4, 5, 6 }, stages,
  { ordered = true, buffer = 2 })
print(table.concat(lines, ", "))
print(("at most %d in the first stage, %d in the second"):format(most.first,
  most.second))

-- The source may be endless: when who reads the results has enough, all ends.
local endless = weft.generator(function(yield)
  for i = 0, math.huge do yield(i % #WORDS + 1) end
end)
print("the first two: " .. weft.pipeline(endless(), stages, {
  ordered = true,
  into = function(results) return results() .. ", " .. results() end,
}))
