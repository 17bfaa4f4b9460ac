--- Processes: programs that run beside this one.
--
-- `process.run` runs one to its end (weft.process_run); `process.spawn` gives
-- one that runs, with streams to it. No shell is involved.
-- @module weft.process

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local options = require "weft.process_options"
local stream = require "weft.stream"

local process = {}

-- How long a process has to end after SIGTERM, unless its options say so.
local GRACE = 5
local INHERIT = { stdin = "inherit", stdout = "inherit", stderr = "inherit" }

-- A process. `stdin`, `stdout` and `stderr` are its streams, where those are
-- pipes. Once it has ended, `ended` is true, and `status` or `signal` says how.
---@class weft.Process
---@field stdin weft.Stream?
---@field stdout weft.Stream?
---@field stderr weft.Stream?
local Process = {}
local metatable = { __name = "weft.Process", __index = Process }

-- -- Starting -----------------------------------------------------------------

local function fail_start(call, description, code, path)
  local program = description[1]
  if code == codes.EBADF then
    errors.fail_argument(("%s: descriptor %s is not open"):format(call,
      options.descriptors(description)), 4)
  end
  local _, text = core.error_text(code)
  local where = path ~= nil and path ~= program and " in " .. path or ""
  if code == codes.ENOENT and path == program and program:find "%s" then
    text = text .. "; each argument is a string of its own"
  end
  errors.fail(code, ("start %s%s: %s"):format(options.shown { program }, where,
    text), { path = path })
end

local function wrap(socket) return socket and stream.wrap(socket) end

--- Starts what was described; for weft.process_run. Raises OSError.
---@param call string
---@param description table
---@param grace number?
---@return weft.Process
function process.start(call, description, grace)
  local cancelled = core.cancel_point(call)
  if cancelled then errors.fail(cancelled) end
  local code, socket, stdin, stdout, stderr = core.process_start(description)
  if code then fail_start(call, description, code, socket) end
  return setmetatable({
    socket, command = options.shown(description), grace = grace or GRACE,
    stdin = wrap(stdin), stdout = wrap(stdout), stderr = wrap(stderr),
  }, metatable)
end

--- Starts a program: `spawn{ "program", "argument", ..., stdin = "pipe" }`.
-- Options: `stdin`, `stdout`, `stderr`, each "inherit" (as they are here, the
-- default), "pipe" (a stream of the process: `process.stdin`), "null", a file
-- of io.open, or the number of a descriptor; stderr may also be "stdout".
-- `cwd`, the folder it begins in; `env`, its whole environment, { NAME =
-- "value" }, or `env_add`, changes to this one's, false to take a variable out;
-- `group = true`: in a session and process group of its own, which is
-- signalled as a whole; `grace`: seconds from SIGTERM to SIGKILL when it is to
-- end, 5 unless given. Raises ArgumentError, and OSError with `code` if it
-- cannot be started; then neither a pipe nor a process is left. It should be
-- used in a `weft.with`, which ends it. A cancellation point.
---@param opts table
---@return weft.Process
function process.spawn(opts)
  local call = "process.spawn"
  local description = options.describe(call, opts, {}, INHERIT)
  return process.start(call, description, opts.grace)
end

--- Runs a program to its end: see weft.process_run.
function process.run(opts) return require("weft.process_run").run(opts) end

-- -- Waiting ------------------------------------------------------------------

local function keep_exit(self, code, status, signal)
  if code then
    errors.fail(code, code == codes.ECLOSED
      and "process: it is of a run that has ended" or nil)
  end
  self.ended, self.status, self.signal = true, status, signal
  return status, signal
end

--- Waits until it has ended, whoever still holds its pipes. Returns its exit
-- status, or nil and the name of the signal that ended it ("TERM"). Any number
-- of tasks may wait, also afterwards. Cancelled, it leaves the process alone.
-- Parks.
---@return number? status
---@return string? signal
function Process:wait()
  if self.ended then
    local code = core.checkpoint "process:wait"
    if code then errors.fail(code) end
    return self.status, self.signal
  end
  return keep_exit(self, core.process_wait(self[1]))
end

--- Whether it has not ended yet.
---@return boolean
function Process:running() return core.process_is_running(self[1]) end

--- Its number in the system. It is another's once the process has ended.
---@return number?
function Process:pid()
  self.number = self.number or core.process_pid(self[1])
  return self.number
end

-- -- Ending -------------------------------------------------------------------

local function number_of(signal)
  if signal == nil then return core.signal_number "TERM" end
  if type(signal) == "string" then
    local number = core.signal_number(signal)
    if number then return number end
  elseif type(signal) == "number" and signal >= 1 and signal < 2 ^ 31
    and signal % 1 == 0 then
    return signal
  end
  errors.fail_argument("process:kill(signal): the name of a signal, as "
    .. "\"TERM\" or \"KILL\", expected, got " .. errors.shown(signal), 3)
end

--- Sends it a signal, "TERM" unless given; with the option `group`, to its
-- whole group. False, and nothing is done, if it has ended.
---@param signal string?
---@return boolean
function Process:kill(signal)
  local code = core.process_kill(self[1], number_of(signal))
  if not code then return true end
  if code == codes.ESRCH or code == codes.ECLOSED then return false end
  if code == codes.EINVAL then
    errors.fail_argument("process:kill(signal): there is no signal "
      .. tostring(signal))
  end
  errors.fail(code)
end

--- Ends it: SIGTERM and, `grace` seconds later, SIGKILL; zero kills at once.
-- Returns when it has ended, as wait does. No cancellation point, and nothing
-- but the second Ctrl-C cuts it short. Parks.
---@param grace number? seconds, by default its option's
---@return number? status
---@return string? signal
function Process:stop(grace)
  grace = grace == nil and self.grace or grace
  if not options.is_grace(grace) then
    errors.fail_argument("process:stop(grace): grace must be a number of "
      .. "seconds of at least 0, got " .. errors.shown(grace))
  end
  if self.ended then return self.status, self.signal end
  return keep_exit(self, core.process_stop(self[1], grace))
end

local function close_streams(self)
  for _, name in ipairs { "stdin", "stdout", "stderr" } do
    if self[name] then core.stream_abort(self[name][1]) end
  end
end

--- Ends it if it runs, as stop does, and closes its streams. More than once is
-- fine. Parks.
function Process:close()
  if not self.ended and core.process_pid(self[1]) then self:stop() end
  close_streams(self)
  core.process_close(self[1])
end

--- Enters a `with`.
---@return weft.Process
function Process:enter() return self end

--- Leaves a `with`: ends it if it runs, and closes its streams. Parks.
function Process:exit() self:close() end

return process
