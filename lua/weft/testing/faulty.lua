--- A stream with faults: as another one, over a bad line.
--
-- The line is a pair of streams in memory. The test has one end; between the
-- other one and the stream two tasks pass on what comes. So the stream keeps
-- all its rules, and faults come exactly where they are told to.
-- @module weft.testing.faulty

local entries = require "weft.entries"
local errors = require "weft.error"
local faults = require "weft.testing.faults"
local finalizers = require "weft.testing.finalizers"
local group = require "weft.group"
local options = require "weft.options"
local stream_pair = require "weft.testing.stream_pair"
local task = require "weft.task"
local time = require "weft.time"

local faulty = {}

-- -- Passing on --------------------------------------------------------------
-- A line has `near`, the test's end, `far`, its other one, and `stream`.

local function forward(from, to)
  for bytes in function() return from:read() end do to:write(bytes) end
end

-- Whatever has failed, on which side: both sides are cut off.
local function break_off(line, err)
  pcall(faults.apply, line.far, { reset_after = 0 })
  line.stream:exit(err)
end

local function pass_on(line, from, to, at_end)
  local ok, err = pcall(forward, from, to)
  if ok then ok, err = pcall(at_end) end
  if ok then return end
  if errors.is_cancelled(err) then error(err, 0) end
  break_off(line, err)
end

local function pass_out(line, g)
  pass_on(line, line.far, line.stream, function()
    line.sent_all = true
    if line.closed then return g:cancel() end
    line.stream:shutdown()
  end)
end

local function pass_in(line)
  pass_on(line, line.stream, line.far, function() line.far:shutdown() end)
end

local function run(line)
  group.group(function(g)
    line.group = g
    g:spawn("to the stream", pass_out, line, g)
    g:spawn("from the stream", pass_in, line)
  end)
  line.stream:exit()
  line.far:exit()
end

local function stop(line)
  line.running:cancel "the end of the test"
  local ok, err = pcall(line.running.await, line.running)
  if not ok and not err:is "TaskCancelledError" then error(err, 0) end
  line.stream:exit(true)
  line.far:exit(true)
end

-- -- The test's end ----------------------------------------------------------

-- What was written goes on its way; then nobody is left to read.
local function closed(line)
  line.closed = true
  if line.sent_all then line.group:cancel() end
end

local function replace_method(near, name, replacement)
  local method = near[name]
  near[name] = function(self, ...) return replacement(method, self, ...) end
end

local function tell_of_closing(line)
  for _, name in ipairs { "close", "exit" } do
    replace_method(line.near, name, function(method, self, ...)
      method(self, ...)
      closed(line)
    end)
  end
end

-- What only the stream itself knows.
local function delegate(line)
  for _, name in ipairs { "peer", "local_address", "set_nodelay",
    "set_keepalive" } do
    line.near[name] = function(_, ...)
      return line.stream[name](line.stream, ...)
    end
  end
end

-- -- Calls that fail ---------------------------------------------------------

local METHODS = { read = true, read_exactly = true, read_until = true,
  read_line = true, read_all = true, write = true, flush = true,
  shutdown = true, close = true, start_tls = true }

local FAIL = "a table of methods of a stream, each with the number of the call "
  .. "that fails, and of error"

local function fail_kind(value)
  if type(value) ~= "table" then return FAIL end
  for name, number in entries(value) do
    local is_call = METHODS[name] and not options.count(1)(number)
    if not is_call and name ~= "error" then
      return ("%s; %s = %s is neither"):format(FAIL, tostring(name),
        tostring(number))
    end
  end
end

local function fail_at(near, name, number, err)
  local count = 0
  replace_method(near, name, function(method, self, ...)
    count = count + 1
    if count ~= number then return method(self, ...) end
    time.checkpoint()
    error(err == nil and errors.classes.OSError(("stream:%s: input or output "
      .. "error"):format(name), { code = "EIO" }) or err, 0)
  end)
end

local function fail_calls(near, fail)
  for name, number in entries(fail or {}) do
    if name ~= "error" then fail_at(near, name, number, fail.error) end
  end
end

-- -- Making ------------------------------------------------------------------

local KINDS = { fail = fail_kind, reading = options.table,
  writing = options.table }
for name, kind in entries(faults.KINDS) do KINDS[name] = kind end

local CALL = "faulty(stream, faults)"

-- The faults of one direction: those of both, and its own.
local function merge(given, own)
  local merged = {}
  for name in entries(faults.KINDS) do merged[name] = given[name] end
  local checked = faults.check(CALL, own)
  for name, value in entries(checked) do merged[name] = value end
  return merged
end

local function check_stream(stream)
  for _, name in ipairs { "read", "write", "shutdown", "exit" } do
    if type(stream) ~= "table" or type(stream[name]) ~= "function" then
      errors.fail_argument(CALL .. ": stream must be a stream, got "
        .. errors.shown(stream), 3)
    end
  end
end

--- Makes a stream that is as `stream`, but for the faults: those that
-- `weft.testing.faults` names, for both directions, or in tables `reading` and
-- `writing` for one. `fail`: calls that fail, by method: `{ write = 3 }` the
-- third `write`, with OSError, or with the `error` in that table.
--
-- From then on `stream` belongs to it: closing the new one closes it, and so
-- does the end of the test. Two tasks pass the bytes on.
---@param stream weft.Stream
---@param given table?
---@return weft.Stream
function faulty.new(stream, given)
  check_stream(stream)
  given = options.check(CALL, given, KINDS)
  local writing = merge(given, given.writing)
  local reading = merge(given, given.reading)
  local near, far = stream_pair.new(writing, reading)
  local line = { near = near, far = far, stream = stream }
  delegate(line)
  tell_of_closing(line)
  fail_calls(near, given.fail)
  line.running = task.spawn("faulty stream", run, line)
  finalizers.defer(stop, line)
  return near
end

return faulty
