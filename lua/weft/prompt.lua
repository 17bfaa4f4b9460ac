--- The prompt: lines typed on a terminal, each run as a task.
--
-- A line may wait, and while it does, and while the next one is typed, the
-- tasks in the background go on. Ctrl-C cancels the line that runs, or drops
-- the one being typed; Ctrl-D leaves.
-- @module weft.prompt

local chunk = require "weft.prompt.chunk"
local complete = require "weft.prompt.complete"
local core = require "weft.core"
local editor = require "weft.prompt.editor"
local history = require "weft.prompt.history"
local report = require "weft.report"
local show = require "weft.show"
local weft = require "weft"

local prompt = {}

local FIRST, MORE = "> ", ">> "
local HOOK_COUNT = 1000000

local HELP = [[
Type an expression to see its value, or statements to run them:

  > 1 + 1                        the value, which is _ then
  > weft.sleep(1)                a line may wait
  > t = weft.spawn(function() weft.sleep(5) print "done" end)
                                 and goes on in the background; while you type
  > t:await()                    waits for it
  > print(weft.tree())           who does what

Each line is a chunk and a task of its own, so a local lives in its line only:
leave out "local" to keep a value. What is not complete goes on in the next
line, after >>. weft is there without require. Tab completes names.

Ctrl-C stops the line that runs, or drops the one being typed; Ctrl-D leaves,
and cancels what runs in the background. A line that computes without an end in
a compiled function hears neither: Ctrl-\ ends the program.]]

local LOCAL_HINT =
  "(a local lives in its own line; leave out \"local\" to keep the value)"
local LEAVE_HINT = "(Ctrl-D leaves; help tells more)"
local PLAIN_HINT = "(no line editing: it comes with the package lua-readline)"

-- A prompt: `reading` is the scope in which a line is typed; `task` runs one,
-- and `waiting` is the scope in which it is waited for.
local Prompt = {}
Prompt.__index = Prompt

local function say(text) io.stdout:write(text, "\n") end

local function complain(text)
  io.stdout:flush()
  io.stderr:write(text, "\n")
end

-- -- Ctrl-C -------------------------------------------------------------------

-- The terminal has written ^C where the cursor was.
function Prompt:complain_below(text)
  complain(self.on_terminal and "\n" .. text or text)
end

-- A line that does not end when it is cancelled is told of, and then left.
function Prompt:interrupt_line()
  self.interrupts = self.interrupts + 1
  if self.interrupts == 1 then
    self.task:cancel "SIGINT"
  elseif self.interrupts == 2 then
    self:complain_below "(it is cancelled, and its cleanup runs; Ctrl-C once \z
      more leaves it in the background)"
  else
    self.waiting:cancel()
  end
end

function Prompt:interrupt()
  if self.is_interrupted then
    self.is_interrupted = false
  elseif self.task then
    self:interrupt_line()
  elseif self.reading then
    self.reading:cancel()
  end
end

-- A line that computes lets nobody see the signal, so it looks by itself, every
-- so many instructions of the interpreter. What is compiled does not look:
-- therefore the line itself is not, though what it calls is.
function Prompt:look_for_interrupts()
  debug.sethook(function()
    if core.signals_is_pending(self.signals[1])
        and weft.current_task() == self.task then
      self.is_interrupted, self.interrupts = true, 1
      error("interrupted by Ctrl-C", 0)
    end
  end, "", HOOK_COUNT)
end

-- -- Running ------------------------------------------------------------------

local function show_results(...)
  local count = select("#", ...)
  if count == 0 then return end
  _G._ = (...)
  say(show.values(count, ...))
end

function Prompt:show_outcome(task)
  local err = task:error()
  if not err then return show_results(task:result()) end
  local is_stopped = err:is "TaskCancelledError" and err.reason == "SIGINT"
  local text = is_stopped and "cancelled" or report.describe(err)
  if self.interrupts > 0 then self:complain_below(text) else complain(text) end
end

-- Runs `fn(...)` as a task, to its end or until it is left.
function Prompt:run_task(name, fn, ...)
  local task = weft.spawn(name, fn, ...)
  self.task, self.interrupts = task, 0
  self:look_for_interrupts()
  local scope = weft.scope(function(scope)
    self.waiting = scope
    weft.wait { task }
  end)
  debug.sethook()
  self.task, self.waiting = nil, nil
  if not scope:cancelled_caught() then return self:show_outcome(task) end
  self:complain_below "(left in the background)"
end

-- -- Reading ------------------------------------------------------------------

-- The next line; nil at the end; false if it was dropped.
function Prompt:read_line(mark)
  local line
  local scope = weft.scope(function(scope)
    self.reading = scope
    line = self.editor:read(mark)
  end)
  self.reading = nil
  if not scope:cancelled_caught() then return line end
  return false
end

-- What can be run, as a function and its text; nil at the end, false for none.
function Prompt:read_chunk()
  local text, name = nil, ("(line %d)"):format(self.count)
  while true do
    local line = self:read_line(text and MORE or FIRST)
    if not line then return line, text end
    self.editor:remember(line)
    text = text and text .. "\n" .. line or line
    if not text:find "%S" then return false end
    local fn, err, is_incomplete = chunk.compile(text, name)
    if fn then return fn, text end
    if not is_incomplete then
      complain(err)
      return false
    end
  end
end

-- Ctrl-C where there was nothing to drop: someone wants to leave.
function Prompt:dropped(text)
  if text then self.idle = 0 return end
  self.idle = self.idle + 1
  if self.idle == 2 then complain(LEAVE_HINT) end
end

function Prompt:hint_at_local(text)
  if self.has_hinted or not text:find "^%s*local%s" then return end
  self.has_hinted = true
  complain(LOCAL_HINT)
end

-- One round; false at the end. What has failed in the background is told of
-- before, though a global may hold the task, which could still be asked.
function Prompt:step()
  core.report_unobserved()
  local fn, text = self:read_chunk()
  if fn == nil then return false end
  if not fn then
    self:dropped(text)
    return true
  end
  self.idle = 0
  self:run_task(("line %d"):format(self.count), fn)
  self:hint_at_local(text)
  self.count = self.count + 1
  return not self.leaving
end

-- -- Life ---------------------------------------------------------------------

-- A global that tells something when it is typed, and may be called.
local function telling(text, call)
  return setmetatable({}, {
    __tostring = function() return text end,
    __call = call,
  })
end

function Prompt:set_globals()
  _G.weft = weft
  _G.help = telling(HELP, function() say(HELP) end)
  _G.exit = telling(LEAVE_HINT, function() self.leaving = true end)
end

local function greet(is_plain)
  say(("weft %s (%s); help tells how, Ctrl-D leaves"):format(weft.VERSION,
    jit.version))
  if is_plain then say(PLAIN_HINT) end
end

local function new_prompt()
  local file = history.open()
  local opened, is_plain = editor.open(file, complete.complete)
  greet(is_plain)
  return setmetatable({
    editor = opened, on_terminal = core.terminal_size(1) ~= nil,
    signals = weft.signals "INT",
    count = 1, -- the number of the next line that runs
    idle = 0, -- Ctrl-C so often where nothing ran
    interrupts = 0, -- and in this line
    is_interrupted = false, -- the line has seen it before the loop could
    has_hinted = false, leaving = false,
    reading = nil, task = nil, waiting = nil,
  }, Prompt)
end

-- From here on Ctrl-C is what it is everywhere.
function Prompt:leave()
  self.signals:close()
  weft.yield() -- who waited for them ends
  local count = #weft.all_tasks() - 1
  if count == 0 then return end
  complain(("(ending %d task%s in the background; Ctrl-C twice does not wait "
    .. "for cleanup)"):format(count, count == 1 and "" or "s"))
end

--- Runs the prompt as the main task, after `first(...)`, if there is one.
-- Returns the exit status.
---@param first function?
---@return number
function prompt.run(first, ...)
  local self = new_prompt()
  weft.spawn("prompt: Ctrl-C", function()
    for _ in self.signals do self:interrupt() end
  end)
  self:set_globals()
  if first then self:run_task("script", first, ...) end
  weft.finally(function()
    while self:step() do end
  end, function() self.editor:close() end)
  self:leave()
  return 0
end

return prompt
