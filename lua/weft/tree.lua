--- The tree of tasks as text: who runs under whom, and what each waits for.
--
-- A task stands under the group it lives in, a group under the task that opened
-- it; those of the root group are at the margin:
--
--     main #1: running
--     server #2: waits for group
--       group, 5 s left
--         handler #3: waits for sleep, 2.5 s left
--         handler #4: waits for task main #1, cancelled
-- @module weft.tree

local codes = require "weft.codes"
local core = require "weft.core"

local tree = {}

local PARKED = codes.TASK_PARKED
local states = {
  [codes.TASK_READY] = "ready", [codes.TASK_RUNNING] = "running",
  [PARKED] = "parked",
}

-- -- Gathering ---------------------------------------------------------------

local function read_task(handle)
  local id, name, state, _, what, due, group, object, parent =
    core.task_info(handle)
  return {
    id = id, name = name or "task-" .. id, state = state, what = what,
    due = due, group = group, object = object, parent = parent,
    scope = core.task_scope(handle),
    groups = {}, -- those it has opened, in the order of their first child
  }
end

-- The tasks by handle, and those of the root group in order. What another
-- task has opened is found by its children.
local function read_tasks()
  local tasks, roots, groups = {}, {}, {}
  local handles = core.task_list()
  for _, handle in ipairs(handles) do tasks[handle] = read_task(handle) end
  for _, handle in ipairs(handles) do
    local task = tasks[handle]
    local opener = tasks[task.parent]
    local group = groups[task.group]
    if opener and not group then
      group = { scope = core.group_scope(task.group) }
      groups[task.group] = group
      opener.groups[#opener.groups + 1] = group
    end
    local place = opener and group or roots
    place[#place + 1] = task
  end
  return tasks, roots
end

-- -- Writing -----------------------------------------------------------------

local function seconds(s)
  local text = ("%.3f"):format(math.max(s, 0)):gsub("%.?0+$", "")
  return text .. " s"
end

local function left(due) return ", " .. seconds(due - core.now()) .. " left" end

local function title(task) return ("%s #%d"):format(task.name, task.id) end

-- What is to be said of a scope: its own deadline, and whether it is cancelled.
local function scope_words(scope)
  local deadline = scope and core.scope_deadline(scope)
  local cancelled = scope and core.scope_is_cancelled(scope)
  return (deadline and not cancelled and left(deadline) or "")
    .. (cancelled and ", cancelled" or "")
end

-- Whom a task waits for: the one it awaits, or the one that has the lock.
local function awaited_words(tasks, task)
  local awaited = task.what == "task" and tasks[task.object]
  if awaited then return " " .. title(awaited) end
  if task.what ~= "lock" then return "" end
  local _, _, owner = core.lock_owner(task.object)
  return owner and (" of %s #%d"):format(owner:name(), owner:id()) or ""
end

local function task_line(tasks, task)
  local doing = states[task.state]
  if task.state == PARKED then
    doing = "waits for " .. (task.what or "something")
      .. awaited_words(tasks, task) .. (task.due and left(task.due) or "")
  end
  return title(task) .. ": " .. doing .. scope_words(task.scope)
end

-- Groups may be nested deeper than the stack is: so there is a list of what is
-- still to be written.
local function write(tasks, roots)
  local lines, todo = {}, {}
  local function push(list, depth)
    for i = #list, 1, -1 do todo[#todo + 1] = { list[i], depth } end
  end
  push(roots, 0)
  while #todo > 0 do
    local node, depth = unpack(table.remove(todo))
    local indent = ("  "):rep(depth)
    if node.id then
      lines[#lines + 1] = indent .. task_line(tasks, node)
      push(node.groups, depth + 1)
    else
      lines[#lines + 1] = indent .. "group" .. scope_words(node.scope)
      push(node, depth + 1)
    end
  end
  return table.concat(lines, "\n")
end

--- The tree of all unfinished tasks, a line each: name, number, what it does
-- or waits for, how long a wait or a deadline has left, and whether it is
-- cancelled. Empty without a runtime.
---@return string
function tree.tree() return write(read_tasks()) end

return tree
