--- The tasks of another process and how much it does, again and again until it
-- ends or Ctrl-C is pressed: `weft --top`.
--
-- On a terminal there is a screen of its own, which goes away at the end, as
-- large as the window; elsewhere one look follows the other.
-- @module weft.cli.top

local client = require "weft.cli.client"
local core = require "weft.core"
local outcome = require "weft.cli.outcome"
local weft = require "weft"

local top = {}

local EXIT_TERM = 143
local ENTER = "\27[?1049h\27[?25l" -- a screen of its own, without a cursor
local LEAVE = "\27[?25h\27[?1049l"
local HOME, CLEAR_LINE, CLEAR_REST = "\27[H", "\27[K", "\27[J"

-- -- What is shown ------------------------------------------------------------

local function read_stats(text)
  local stats = {}
  for name, value in text:gmatch "([^\n]-) ([%d.e+-]+)\n?" do
    stats[name] = tonumber(value)
  end
  return stats
end

local function look(target)
  local stats = read_stats(client.ask(target, "stats"))
  stats.time = weft.now()
  return stats, client.ask(target, "tree")
end

-- How often something has been counted in a second; nil at the first look.
local function rate(name, now, before)
  local span = before and now.time - before.time
  if not span or span <= 0 then return "-" end
  return ("%.0f"):format((now[name] - before[name]) / span)
end

-- The longest step so far, where steps are timed.
local function longest_of(now)
  local seconds = now.longest_step
  return seconds and ("; longest step %.1f ms"):format(seconds * 1000) or ""
end

local function header(target, now, before)
  return {
    ("weft process %s, tasks: %d (%d running, %d ready, %d parked), timers: %d")
      :format(target, now["tasks.total"], now["tasks.running"],
        now["tasks.ready"], now["tasks.parked"], now.timers),
    ("per second: %s turns, %s switches, %s polls%s"):format(
      rate("turns", now, before), rate("switches", now, before),
      rate("polls", now, before), longest_of(now)),
    "",
  }
end

local function lines_of(head, tree)
  for line in (tree .. "\n"):gmatch "([^\n]*)\n" do head[#head + 1] = line end
  return head
end

-- -- Where it is shown --------------------------------------------------------

-- The first `columns` characters.
local function cut(line, columns)
  local count = 0
  for place in line:gmatch "()[^\128-\191]" do
    count = count + 1
    if count > columns then return line:sub(1, place - 1) end
  end
  return line
end

-- What fits on the screen; the last line says what does not.
local function screenful(lines, rows, columns)
  local shown = {}
  local count = #lines > rows and rows - 1 or #lines
  for i = 1, count do shown[i] = cut(lines[i], columns) .. CLEAR_LINE end
  if count < #lines then
    shown[rows] = cut(("... %d lines more"):format(#lines - count), columns)
      .. CLEAR_LINE
  end
  return HOME .. table.concat(shown, "\r\n") .. CLEAR_REST
end

local EPIPE = 32

-- Who reads it may have seen enough, as head has.
local function write(text)
  local ok, err, number = io.stdout:write(text)
  if ok then ok, err, number = io.stdout:flush() end
  if ok then return end
  error(weft.OSError(err, { is_read_enough = number == EPIPE }), 0)
end

local function show(lines)
  local rows, columns = core.terminal_size(1)
  if rows then return write(screenful(lines, rows, columns)) end
  write(table.concat(lines, "\n") .. "\n\n")
end

-- -- Again and again ----------------------------------------------------------

-- The name of a signal that came within so many seconds, if one has.
local function wait(signals, seconds)
  local name
  weft.move_on_after(seconds, function() name = signals() end)
  return name
end

-- A program that has been seen once may block for a while, or end.
local function look_again(target)
  local ok, now, tree = pcall(look, target)
  if ok then return nil, now, tree end
  local is_answer = type(now) == "table" and now.is
    and now:is(client.Unanswered) and now.why ~= "refused"
  if not is_answer then error(now, 0) end
  return now
end

-- Returns the signal that ended it, or what the program's end was. A signal
-- that has changed the window's size has the next look taken at once.
local function watch(target, interval, signals)
  local now, tree = look(target)
  local before, failure
  while true do
    local head = failure and { failure.message, "", "" }
      or header(target, now, before)
    show(lines_of(head, tree))
    local signal = wait(signals, interval)
    if signal and signal ~= "WINCH" then return signal end
    local next_now, next_tree
    failure, next_now, next_tree = look_again(target)
    if failure and failure.why == "gone" then return failure end
    before = now
    now, tree = next_now or now, next_tree or tree
  end
end

local function on_screen(target, interval)
  local is_terminal = core.terminal_size(1) ~= nil
  local signals = weft.signals("INT", "TERM", "WINCH")
  if is_terminal then write(ENTER) end
  return weft.finally(function() return watch(target, interval, signals) end,
    function() if is_terminal then write(LEAVE) end end)
end

--- Shows the process until it ends or a signal comes; returns the exit status.
---@param target string
---@param interval number? seconds between two looks
---@return number
function top.main(target, interval)
  local ok, result = pcall(weft.run, on_screen, target, interval or 1)
  if ok then
    if type(result) == "table" then
      outcome.complain("process %s has ended", target)
    end
    return result == "TERM" and EXIT_TERM or outcome.OK
  end
  local is_known = type(result) == "table" and result.is
    and (result:is(client.Unanswered) or result:is "OSError")
  if not is_known then return outcome.explain(result) end
  if result.is_read_enough then return outcome.OK end
  outcome.complain("%s", result.message)
  return outcome.FAILED
end

return top
