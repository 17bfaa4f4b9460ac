--- What a test has left behind: tasks, what it has opened, descriptors.
-- @module weft.testing.leaks

local core = require "weft.core"
local opened = require "weft.opened"
local task = require "weft.task"
local time = require "weft.time"
local tree = require "weft.tree"

local leaks = {}

-- Turns that what is about to end by itself is given for that: a task that was
-- cancelled, one that is about to hear that its connection was closed.
local ROUNDS = 32

-- And for what ends outside, as a thread that has been let go: seconds, on the
-- real clock.
local GRACE, GRACE_ROUNDS = 0.001, 20

--- What there is now, which is not the test's.
---@return table
function leaks.note()
  local noted = { tasks = {}, opened = {} }
  for _, object in ipairs(task.all()) do noted.tasks[object] = true end
  for _, entry in ipairs(opened.list()) do noted.opened[entry.key] = true end
  return noted
end

-- What was found already in this runtime: nobody else is to be blamed for it.
local told = {}

--- A runtime begins.
function leaks.begin() told = {} end

local function new_tasks(noted, own)
  local list = {}
  for _, object in ipairs(task.all()) do
    if not noted.tasks[object] and not told[object] and object ~= own then
      list[#list + 1] = object
    end
  end
  return list
end

local function new_opened(noted)
  local list = {}
  for _, entry in ipairs(opened.list()) do
    if not noted.opened[entry.key] and not told[entry.key] then
      list[#list + 1] = entry
    end
  end
  return list
end

local function let_end(noted, own)
  for _ = 1, ROUNDS do
    if #new_tasks(noted, own) == 0 and #new_opened(noted) == 0 then return end
    time.yield()
  end
  local rounds = core.is_virtual() and 0 or GRACE_ROUNDS
  for _ = 1, rounds do
    if #new_opened(noted) == 0 then return end
    time.sleep(GRACE)
  end
end

local function describe_task(object) return "task " .. tree.describe(object) end

local function describe_opened(entry)
  if entry.place == "" then return entry.text end
  return ("%s, opened at %s"):format(entry.text, entry.place)
end

--- What is left in the runtime since `noted`, a text each; by default all there
-- is. Parks, if that is anything. The tasks are cancelled, and nothing of it is
-- found again.
---@param noted table?
---@return string[]
function leaks.find(noted)
  noted = noted or { tasks = {}, opened = {} }
  local own = task.current()
  let_end(noted, own)
  local texts = {}
  for _, entry in ipairs(new_opened(noted)) do
    texts[#texts + 1] = describe_opened(entry)
    told[entry.key] = true
  end
  local left = new_tasks(noted, own)
  for i, object in ipairs(left) do
    table.insert(texts, i, describe_task(object))
    told[object] = true
  end
  for _, object in ipairs(left) do object:cancel "left by a test" end
  return texts
end

--- The descriptors the process has open.
---@return string
function leaks.note_descriptors() return core.descriptors() end

local OPEN = ("1"):byte()

--- The descriptors that are open now and were not, a text each.
---@param noted string as of note_descriptors
---@return string[]
function leaks.find_descriptors(noted)
  local now, texts = core.descriptors(), {}
  if now == noted then return texts end
  for i = 1, #now do
    if now:byte(i) == OPEN and noted:byte(i) ~= OPEN then
      texts[#texts + 1] = ("descriptor %d: %s"):format(i - 1,
        core.descriptor_name(i - 1) or "closed meanwhile")
    end
  end
  return texts
end

return leaks
