--- Cleanup that never runs: of a coroutine of the user's that was suspended in
-- a `with`, `finally` or `stack`, and that nobody resumes any more.
--
-- As in plain Lua such a coroutine is just collected. Where
-- `weft.debug{leaks=true}` asks for it, the function that has the cleanup holds
-- an object on the coroutine's stack, so both are collected together, and that
-- is reported; what is left at the end of a run is reported then.
-- @module weft.cleanup

local call = require "weft.call"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local report = require "weft.report"
local site = require "weft.site"

local cleanup = {}

--- Whether that is looked after.
cleanup.on = false

-- Those that are open, of coroutines alone: `what`, `place`, `run`.
local open = {}

local function tell(note, fate)
  report.report(report.UNCLOSED, nil, errors.classes.InvalidStateError(
    ("a coroutine suspended in a %s%s was %s, so that its cleanup never runs; "
      .. "write it as a generator or a task"):format(note.what,
      note.place and " at " .. note.place or "", fate)))
end

-- A finaliser may run in the middle of anything, so it only queues the report.
local function collected(note)
  if not open[note] then return end
  open[note] = nil
  if core.is_running() and core.run_id() == note.run then
    call.soon(tell, note, "collected")
  end
end

local function finish(note, _, ...)
  open[note] = nil
  return ...
end

--- As `xpcall(fn, errors.trace, ...)`, of a function whose cleanup is to
-- follow; `what` is the word for what has that.
---@param what string
---@param fn function
function cleanup.call(what, fn, ...)
  if not core.is_in_coroutine() then return xpcall(fn, errors.trace, ...) end
  local note = { what = what, place = site.here(), run = core.run_id() }
  local guard = newproxy(true)
  getmetatable(guard).__gc = function() collected(note) end
  open[note] = true
  return finish(note, guard, xpcall(fn, errors.trace, ...))
end

--- Reports those that are left at the end of a run.
function cleanup.report_left()
  local run = core.run_id()
  for note in entries(open) do
    open[note] = nil
    if note.run == run then tell(note, "left at the end") end
  end
end

return cleanup
