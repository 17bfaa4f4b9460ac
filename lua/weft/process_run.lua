--- Running a process to its end, with what goes in and what comes out.
--
-- A group of three feeds the process and reads its two outputs while the caller
-- waits for the exit. If that is cut short, by a cancellation, a timeout or a
-- failure, a second such group, shielded, reads on while the process is ended:
-- so it can say its last words, and does not hang on a full pipe.
-- @module weft.process_run

local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local many = require "weft.many"
local options = require "weft.process_options"
local process = require "weft.process"
local scope = require "weft.scope"

local run = {}

local CALL = "process.run"
local RUN = { "input", "timeout", "check", "limit" }
-- After the exit somebody else may hold the pipes: so long they are read on.
local LINGER = 1
local LINES_MAX = 5 -- of the error output in the message

-- -- Feeding ------------------------------------------------------------------

local function pieces_of(input)
  if type(input) == "string" then
    local piece = input
    return function()
      local given = piece
      piece = nil
      return given
    end
  end
  if type(input) == "table" and type(input.read) == "function" then
    return function() return input:read() end
  end
  return input
end

local function pour(stdin, input)
  for piece in pieces_of(input) do
    if type(piece) ~= "string" then
      errors.fail_argument(CALL .. ": input must give strings, it gave "
        .. errors.shown(piece))
    end
    stdin:write(piece)
  end
  stdin:flush()
end

-- A process that has stopped reading is no failure.
local function is_refusal(err)
  return errors.is_error(err) and err:is "OSError"
    and (err.code == "EPIPE" or err.code == "ECONNRESET")
end

local function feed(stdin, input)
  local ok, err = xpcall(pour, errors.trace, stdin, input)
  core.stream_abort(stdin[1])
  if not ok and not is_refusal(err) then error(err, 0) end
end

-- -- Reading ------------------------------------------------------------------

-- What an output has given so far: a list of pieces and its `size`.
local function new_capture(name, limit)
  return { name = name, limit = limit, size = 0 }
end

local function fail_overrun(capture)
  error(errors.trace(errors.classes.LimitOverrunError(
    ("%s: %s is longer than the limit of %d bytes"):format(CALL, capture.name,
      capture.limit), { consumed = capture.limit })), 0)
end

-- What comes after the limit is read, lest the process hang, and dropped.
local function collect(stream, capture)
  for piece in function() return stream:read() end do
    local was_full = capture.full
    if not was_full then capture[#capture + 1] = piece end
    capture.size = capture.size + #piece
    capture.full = capture.limit ~= nil and capture.size > capture.limit
    if capture.full and not was_full then fail_overrun(capture) end
  end
end

local function text_of(capture)
  if not capture then return nil end
  local text = table.concat(capture)
  return capture.limit and text:sub(1, capture.limit) or text
end

-- Reads what there is until `wait()` has returned, and a little longer.
local function attend(child, captures, input, wait)
  many.run_group(CALL, function(g)
    local readers = {}
    if input then g:spawn("input of " .. child.command, feed, child.stdin,
      input) end
    for name, capture in entries(captures) do
      readers[#readers + 1] = g:spawn(name .. " of " .. child.command, collect,
        child[name], capture)
    end
    wait(child)
    scope.move_on_after(LINGER, function()
      for _, reader in ipairs(readers) do reader:await() end
    end)
    g:cancel()
  end)
end

-- -- Ending -------------------------------------------------------------------

-- Ends the process, and reads on meanwhile; a failure of that adds nothing.
local function finish(child, captures)
  if child.stdin then core.stream_abort(child.stdin[1]) end
  scope.shield(function()
    xpcall(attend, errors.trace, child, captures, nil, child.stop)
  end)
  child:stop()
end

local function last_lines(text)
  local lines = {}
  for line in (text or ""):gmatch "[^\n]+" do lines[#lines + 1] = line end
  local from = math.max(1, #lines - LINES_MAX + 1)
  if #lines == 0 then return "" end
  return ":\n  " .. table.concat(lines, "\n  ", from)
end

local function fail_exit(child, result)
  local how = result.signal and "was ended by signal " .. result.signal
    or "ended with status " .. result.status
  error(errors.trace(errors.classes.ProcessError(
    ("%s %s%s"):format(child.command, how, last_lines(result.stderr)),
    result)), 0)
end

local function fail_timeout(child, seconds, waited, result)
  error(errors.trace(errors.classes.TimeoutError(
    ("%s timed out after %g s"):format(child.command, seconds),
    { scope = waited, stdout = result.stdout, stderr = result.stderr })), 0)
end

-- Whether the error is one of this call that tells what came out.
local function add_output(err, result)
  if errors.is_error(err) and err:is "LimitOverrunError" and err.consumed then
    err.stdout, err.stderr = result.stdout, result.stderr
  end
end

-- -- Running ------------------------------------------------------------------

local function new_captures(child, limit)
  local captures = {}
  for _, name in ipairs { "stdout", "stderr" } do
    if child[name] then captures[name] = new_capture(name, limit) end
  end
  return captures
end

local function run_child(child, opts, captures)
  local waited
  local ok, err = xpcall(function()
    waited = scope.move_on_after(opts.timeout, function()
      attend(child, captures, opts.input, child.wait)
    end)
  end, errors.trace)
  local timed_out = ok and waited:cancelled_caught()
  if not ok or timed_out then finish(child, captures) end
  local result = {
    status = child.status, signal = child.signal,
    stdout = text_of(captures.stdout), stderr = text_of(captures.stderr),
  }
  child:close()
  if timed_out then fail_timeout(child, opts.timeout, waited, result) end
  if ok then return result end
  add_output(err, result)
  error(err, 0)
end

--- Runs a program to its end: `run{ "program", "argument", ... }`, and returns
-- `{ status, signal, stdout, stderr }`; `status` is nil if a signal ended it,
-- and `signal` is then its name ("KILL"). Options, besides those of
-- `process.spawn`: `input`, what it reads: a string, an iterator of strings or
-- a stream (none: it reads nothing); `timeout` in seconds; `check = false`: no
-- error for a status but 0; `limit`: the most bytes either output may have.
-- Its outputs are read unless `stdout` or `stderr` say otherwise.
--
-- Raises ProcessError if the status is not 0 or a signal ended it, TimeoutError
-- with `stdout` and `stderr` so far, LimitOverrunError likewise, OSError if it
-- cannot be started, ArgumentError. Whatever ends the call, cancelled too, the
-- process has ended before: by SIGTERM and, `grace` seconds later (5), SIGKILL.
-- If others hold its outputs when it has ended, they are read for one more
-- second. Parks.
---@param opts table
---@return table
function run.run(opts)
  local defaults = {
    stdin = type(opts) == "table" and opts.input ~= nil and "pipe" or "null",
    stdout = "pipe", stderr = "pipe",
  }
  local description = options.describe(CALL, opts, RUN, defaults)
  options.check_run(CALL, opts)
  local child = process.start(CALL, description, opts.grace)
  local result = run_child(child, opts, new_captures(child, opts.limit))
  if result.status == 0 or opts.check == false then return result end
  return fail_exit(child, result)
end

return run
