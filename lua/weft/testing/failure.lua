--- What is told of a test that failed: the user's line first, then what weft
-- knows of it.
-- @module weft.testing.failure

local core = require "weft.core"
local errors = require "weft.error"
local frames = require "weft.testing.frames"
local report = require "weft.report"
local task = require "weft.task"
local tree = require "weft.tree"

local failure = {}

local function indented(text) return "  " .. text:gsub("\n", "\n  ") end

local IN_BUSTED = " at %S+[/\\]busted[/\\]%S+%.lua:%d+"

-- The tree, without the places that are busted's, which say nothing.
local function tasks_text()
  local text = tree.tree():gsub(", spawned" .. IN_BUSTED .. " by main", "")
  return indented((text:gsub(", spawned" .. IN_BUSTED, "")
    :gsub(IN_BUSTED, "")))
end

-- -- A test that was cut off --------------------------------------------------

--- What the task of a test is seen to wait for, and the tree, if there are
-- other tasks or it is wanted.
---@param handle number
---@param with_tree boolean?
---@return table
function failure.look(handle, with_tree)
  local co = core.task_coroutine(handle)
  local _, _, _, _, what = core.task_info(handle)
  local frame, level
  if co then frame, level = frames.first(co) end
  return {
    what = what,
    frame = frame,
    traceback = co and frames.users(debug.traceback(co)),
    stack = level and debug.traceback(co, "", level),
    tree = (with_tree or #task.all() > 1) and tasks_text() or nil,
  }
end

--- The error of a test that was cut off: it has the place where that waited.
---@param seen table as of `failure.look`
---@param why string
---@param advice string?
function failure.cut(seen, why, advice)
  local lines = { why .. (seen.what and "; it waited for " .. seen.what or "") }
  if advice then lines[2] = "(" .. advice .. ")" end
  lines[#lines + 1] = seen.traceback
  if seen.tree then lines[#lines + 1] = "the tasks were:\n" .. seen.tree end
  return errors.classes.TimeoutError(table.concat(lines, "\n"),
    { traceback = seen.traceback, frame = seen.frame, stack = seen.stack })
end

-- -- Failures of other tasks --------------------------------------------------

local function kind_of(value)
  local metatable = debug.getmetatable(value)
  return type(metatable) == "table" and metatable.__type or nil
end

--- Whether it is what `pending` raises.
---@param value any
---@return boolean
function failure.is_pending(value) return kind_of(value) == "pending" end

local function is_busted_object(value)
  local kind = kind_of(value)
  return kind == "failure" or kind == "pending"
end

-- busted's own object in an error of another task, or in all members of a
-- group: then the first. It is a failed assertion, or pending.
local function busted_object(err)
  if not errors.is_error(err) then return nil end
  if not err.errors then
    return is_busted_object(err.value) and err.value or nil
  end
  local found
  for _, member in ipairs(err.errors) do
    local inner = busted_object(member)
    if not inner then return nil end
    found = found or inner
  end
  return found
end

--- What busted is to be raised instead of an error: a failed assertion in
-- another task is a failure of the test, which tells of the task; `pending` is
-- pending there, too.
---@param err any
function failure.as_busted(err)
  local object = busted_object(err)
  if not object then return err end
  if failure.is_pending(object) then return object end
  return setmetatable({ message = failure.describe(err) },
    debug.getmetatable(object))
end

-- The only failure of groups in groups; else the error itself.
local function innermost(err)
  while err.errors and #err.errors == 1 do err = err.errors[1] end
  return err
end

-- What was raised, with the user's line before it.
local function headline(err)
  if err.value ~= nil then return tostring(err.message) end
  local place = err.task and frames.place_in(err.traceback)
  return (place and place .. ": " or "") .. tostring(err)
end

-- The path of the error: what report.describe says of it after its heading,
-- which of an only failure in groups comes a second time.
local function path_of(err, only)
  local text, head = report.describe(err), tostring(only):match "^[^\n]*"
  local from, to = text:find("\n\n" .. head .. "\n", 1, true)
  if not from and err == only then
    from, to = text:find(tostring(err), 1, true)
  end
  return from and text:sub(to + 1):gsub("^\n", "")
end

local function hint(err)
  local message = tostring(err.message)
  if message:find "^weft%.run inside weft%.run" then
    return "\n(a test runs in a task already; one that calls weft.run itself: "
      .. "testing.plain(fn))"
  elseif message:find(" needs a runtime: ", 1, true) then
    return "\n(a test and its hooks have one, the body of a describe and a "
      .. "plain test do not: call it in it, before_each or setup)"
  end
  return ""
end

--- The text of an error: the line where it was raised, and its path, by the
-- tasks and where they were spawned.
---@param err any
---@return string
function failure.describe(err)
  local object = errors.object(err)
  local only = innermost(object)
  local path = path_of(object, only)
  local text = path and headline(only) .. "\n" .. path
    or report.describe(object)
  return frames.user_part(text) .. hint(only)
end

-- -- What was left ------------------------------------------------------------

local SHOWN_MAX = 20 -- of what was left

local function first_of(left)
  if #left <= SHOWN_MAX then return table.concat(left, "\n") end
  return ("%s\nand %d more"):format(table.concat(left, "\n", 1, SHOWN_MAX),
    #left - SHOWN_MAX)
end

--- The text about what was left behind.
---@param left string[]
---@param by string whose end it was
---@return string
function failure.leaks(left, by)
  return ("left at the end of %s:\n%s"):format(by,
    indented(first_of(left)))
end

--- What is added where tasks of that were given up.
failure.GIVEN_UP = "\n(given up, as it goes on when it is cancelled: a loop "
  .. "swallows CancelledError)"

--- The text about reports nobody has looked at.
---@param left table[] as of reports.take
---@return string
function failure.reports(left)
  local texts = {}
  for i, entry in ipairs(left) do
    texts[i] = report.text(entry.kind, entry.task, entry.err, entry.traceback)
  end
  return "reported meanwhile (testing.reports() looks at it):\n"
    .. indented(frames.user_part(table.concat(texts, "\n")))
end

return failure
