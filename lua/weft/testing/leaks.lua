--- What a test has left behind.
-- @module weft.testing.leaks

local core = require "weft.core"
local task = require "weft.task"
local time = require "weft.time"

local leaks = {}

local ROUNDS = 32

--- What there is now, to be compared with later.
function leaks.note()
  local noted = {}
  for _, object in ipairs(task.all()) do noted[object:id()] = true end
  return noted
end

local function new_tasks(noted)
  local list = {}
  for _, object in ipairs(task.all()) do
    if not noted[object:id()] then list[#list + 1] = object end
  end
  return list
end

local function describe_task(object)
  local _, _, _, _, what = core.task_info(object[1])
  return ("task '%s' #%d%s"):format(object:name(), object:id(),
    what and ", which waits for " .. what or "")
end

--- The texts of what is left since `noted`. What is about to end by itself is
-- given the turns it needs for that. Parks, if there is any.
---@param noted table
---@return string[]
function leaks.find(noted)
  local left = new_tasks(noted)
  for _ = 1, ROUNDS do
    if #left == 0 then break end
    time.yield()
    left = new_tasks(noted)
  end
  local texts = {}
  for _, object in ipairs(left) do texts[#texts + 1] = describe_task(object) end
  return texts
end

return leaks
