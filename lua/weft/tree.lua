--- The tree of tasks: who runs under whom, and what each does or waits for.
--
-- A task stands under the group it lives in, a group under the task that opened
-- it; those of the root group are at the margin. With `weft.debug{sites=true}`:
--
--     main #1: waits for group for 2.5 s at job.lua:31
--       group at job.lua:31, deadline in 7.5 s
--         reader #2: waits for lock of writer #3 for 2 s at job.lua:12,
--           deadline in 7.5 s, spawned at job.lua:33 by main
--         writer #3: waits for sleep for 0.5 s, 1.5 s left, at job.lua:20, ...
--
-- The line of a task is one line. It has, in this order, what of it there is:
-- name and number; "ready", "running", or what it waits for, for how long, and
-- how much of that is left; where; its deadline, the earliest that reaches it;
-- that it is shielded; that it is cancelled, and by what; where it was spawned
-- and by which task; who awaits it.
--
-- All of it is found when it is asked for, and nothing is kept: so who awaits a
-- task is right on every way out of a wait.
-- @module weft.tree

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local HANDLE = require "weft.task".HANDLE

local tree = {}

local states = {
  [codes.TASK_READY] = "ready", [codes.TASK_RUNNING] = "running",
  [codes.TASK_PARKED] = "parked",
}

-- -- Gathering ---------------------------------------------------------------

-- A view of a task, as tree.tasks gives it; nil if it has ended.
local function view(handle, now)
  local task = core.task_look(handle)
  if not task then return nil end
  task.name = task.name or "task-" .. task.id
  task.state = states[task.state]
  task.waited = task.since and math.max(now - task.since, 0)
  task.left = task.due and math.max(task.due - now, 0)
  task.deadline_left = task.deadline and task.deadline - now
  task.awaited_by = {}
  return task
end

-- The views by handle, and in the order of spawning.
local function read_tasks()
  local handles, list, by_handle = core.task_list(), {}, {}
  local now = handles[1] and core.now()
  for i, handle in ipairs(handles) do
    list[i] = view(handle, now)
    by_handle[handle] = list[i]
  end
  for _, task in ipairs(list) do
    local awaited = task.object and by_handle[task.object]
    if awaited then table.insert(awaited.awaited_by, task) end
  end
  return by_handle, list
end

local function read_group(handle, now)
  local deadline, cancelled, place = core.group_look(handle)
  return {
    deadline_left = deadline and deadline - now, cancelled = cancelled,
    site = place,
  }
end

-- What each task has opened: the groups, found by their children, in the order
-- of their first child. Returns the tasks of the root group.
local function arrange(by_handle, list)
  local roots, groups = {}, {}
  for _, task in ipairs(list) do
    local opener, group = by_handle[task.parent], groups[task.group]
    if opener and not group then
      group = read_group(task.group, core.now())
      groups[task.group] = group
      opener.groups = opener.groups or {}
      table.insert(opener.groups, group)
    end
    table.insert(opener and group or roots, task)
  end
  return roots
end

-- -- Words --------------------------------------------------------------------

-- 0.25 s, 2.5 s, 75 s is 1 min 15 s, 2 h 5 min.
local function span(seconds)
  if seconds < 60 then
    return (("%.2f"):format(seconds):gsub("%.?0+$", "")) .. " s"
  end
  local whole = math.floor(seconds + 0.5)
  if whole < 3600 then
    return ("%d min %d s"):format(whole / 60, whole % 60)
  end
  return ("%d h %d min"):format(whole / 3600, whole % 3600 / 60)
end

local function title(task) return ("%s #%d"):format(task.name, task.id) end

local function titles(tasks)
  local list = {}
  for i, task in ipairs(tasks) do list[i] = title(task) end
  return table.concat(list, ", ")
end

local SHORT = 0.01 -- seconds that are not worth a word

local function doing(task)
  if task.state ~= "parked" then
    return task.state .. (task.site and " at " .. task.site or "")
  end
  local words = "waits for " .. task.waits_for
  if task.waited >= SHORT then words = words .. " for " .. span(task.waited) end
  if task.left then words = words .. ", " .. span(task.left) .. " left," end
  if task.site then return words .. " at " .. task.site end
  return (words:gsub(",$", ""))
end

local function cancelled_words(task)
  local by = task.cancelled_by ~= "cancel" and " by " .. task.cancelled_by or ""
  local why = task.reason ~= nil and ": " .. errors.text_of(task.reason) or ""
  return "cancelled" .. by .. why
end

local function deadline_words(scope)
  local at = scope.deadline_site and " of " .. scope.deadline_site or ""
  if scope.deadline_left <= 0 then return "deadline" .. at .. " is over" end
  return "deadline" .. at .. " in " .. span(scope.deadline_left)
end

local function spawned_words(task)
  local by = task.spawned_by and " by " .. task.spawned_by or ""
  return "spawned at " .. task.spawned_at .. by
end

-- A name or a reason may have several lines, or move the cursor.
local function on_one_line(text)
  return (text:gsub("%c", function(byte)
    return byte == "\n" and "\\n" or ("\\%03d"):format(byte:byte())
  end))
end

local function task_line(task)
  local parts = { title(task) .. ": " .. doing(task) }
  local function add(part) parts[#parts + 1] = part end
  if task.deadline_left then add(deadline_words(task)) end
  if task.shielded then add "shielded" end
  if task.cancelled_by then add(cancelled_words(task)) end
  if task.spawned_at then add(spawned_words(task)) end
  if task.awaited_by[1] then add("awaited by " .. titles(task.awaited_by)) end
  return on_one_line(table.concat(parts, ", "))
end

local function group_line(group)
  local parts = { "group" .. (group.site and " at " .. group.site or "") }
  if group.cancelled then parts[2] = "cancelled"
  elseif group.deadline_left then parts[2] = deadline_words(group) end
  return table.concat(parts, ", ")
end

-- Groups may be nested deeper than the stack is: so there is a list of what is
-- still to be written.
local function write(roots)
  local lines, todo = {}, {}
  local function push(list, depth)
    for i = #list, 1, -1 do todo[#todo + 1] = { list[i], depth } end
  end
  push(roots, 0)
  while #todo > 0 do
    local node, depth = unpack(table.remove(todo))
    local indent = ("  "):rep(depth)
    if node.id then
      lines[#lines + 1] = indent .. task_line(node)
      push(node.groups or {}, depth + 1)
    else
      lines[#lines + 1] = indent .. group_line(node)
      push(node, depth + 1)
    end
  end
  return table.concat(lines, "\n")
end

-- -- The functions ------------------------------------------------------------

--- The tree of all unfinished tasks, a line each: name, number, what it does or
-- waits for, for how long and where, its deadline, whether it is shielded or
-- cancelled and why, who awaits it, and, where `weft.debug{sites=true}` has it
-- kept, where it was spawned. Empty without a runtime.
---@return string
function tree.tree() return write(arrange(read_tasks())) end

--- The unfinished tasks in the order of their spawning, each as a table:
-- `name`, `id`, `state` ("ready", "running", "parked"); of a parked one `what`
-- (the word for its wait), `waits_for` (in words, with what of), `waited` and
-- `left` (seconds); `site`; `deadline_left`; `shielded`; `cancelled_by` and
-- `reason`; `spawned_at`, `spawned_by`; `awaited_by`, a list of such tables;
-- `handle` and `parent`, numbers that are the same for the same task; `task`,
-- its object, if it is one of this Lua state. What does not apply is nil.
---@return table[]
function tree.tasks()
  local _, list = read_tasks()
  return list
end

--- The line of one task, without who awaits it; nil if it has ended.
---@param task weft.Task|number the task, or its handle
---@return string?
function tree.describe(task)
  local handle = type(task) == "table" and task[HANDLE] or task
  local found = core.task_look(handle) and view(handle, core.now())
  return found and task_line(found) or nil
end

return tree
