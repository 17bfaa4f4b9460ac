--- Signals to wait for: `for name in weft.signals("HUP", "USR1") do`.
--
-- The core notes what comes and hands it out at the next poll: core/signals.c.
-- An iterator is owned as a generator is: who makes it, closes it, at the
-- latest at the end of the scope, group or task it was made in.
-- @module weft.signals

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local owner = require "weft.owner"

local signals = {}

local NAMES = "HUP, INT, QUIT, USR1, USR2, ALRM, TERM, PIPE, CONT, TSTP, TTIN, "
  .. "TTOU, URG, WINCH, IO, PWR, XCPU, XFSZ, VTALRM, PROF"
local WHY = {
  KILL = "cannot be caught", STOP = "cannot be caught",
  CHLD = "is used by the runtime: wait for a process by process:wait()",
}

-- An iterator of signals.
---@class weft.Signals
local Signals = {}
local metatable = { __name = "weft.Signals", __index = Signals }

-- It is not made after all.
local function refuse(self, name, why)
  core.signals_close(self[1])
  errors.fail_argument(("signals(name, ...): %s %s; there are %s"):format(
    errors.shown(name), why, NAMES), 4)
end

local function add(self, name)
  local number = type(name) == "string" and core.signal_number(name)
  if not number then
    refuse(self, name, type(name) == "string" and "is no signal"
      or "is no name of a signal")
  end
  local code = core.signals_add(self[1], number)
  if not code then return end
  refuse(self, name, WHY[core.signal_name(number)]
    or "is a fault of the program's")
end

--- Makes an iterator that gives the name of each of these signals as it comes,
-- without "SIG". While it is open, they do nothing else: INT and TERM do not
-- cancel the main task. Each that is open gets each signal; equal ones may
-- arrive as one. Raises ArgumentError for what is no signal or cannot be
-- caught.
---@param ... string "HUP" or "SIGHUP"
---@return weft.Signals
function signals.signals(...)
  if select("#", ...) == 0 then
    errors.fail_argument("signals(name, ...): the name of a signal expected; "
      .. "there are " .. NAMES)
  end
  local code, handle = core.signals_new()
  if code then errors.fail(code) end
  local self = setmetatable({
    handle, owner_key = false, owner_place = false,
  }, metatable)
  for i = 1, select("#", ...) do add(self, (select(i, ...))) end
  owner.add(self)
  return self
end

--- The name of the next signal; nil once the iterator is closed, to who waits,
-- too. Parks. Cancelled, no signal is lost. Raises BusyError while another task
-- waits.
---@return string?
function Signals:next()
  if self.closed then
    local failed = core.checkpoint "signals:next"
    if failed then errors.fail(failed) end
    return nil
  end
  local code, name = core.signals_next(self[1])
  if not code then return name end
  if code == codes.ECLOSED then return nil end
  errors.fail(code, code == codes.EBUSY
    and "signals:next: another task waits for these signals" or nil)
end

metatable.__call = Signals.next

--- Ends it: the signals do again what they did before. More than once is fine.
function Signals:close()
  if self.closed then return end
  self.closed = true
  owner.remove(self)
  core.signals_close(self[1])
end

return signals
