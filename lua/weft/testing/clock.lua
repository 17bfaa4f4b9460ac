--- The clock of a test: read, moved by hand, and waited for.
--
-- A test on the virtual clock takes no time: the clock stands still while
-- anything is ready and jumps to the next time when all tasks are parked. That
-- alone serves a test which waits for what it tests. One that looks at what has
-- happened by a certain time moves the clock up to there and no further.
-- @module weft.testing.clock

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"

local clock = {}

local ESTATE, EINVAL = codes.ESTATE, codes.EINVAL

-- The clock of the runtime that runs; it keeps nothing itself.
---@class weft.testing.Clock
local Clock = {}
local metatable = { __name = "weft.testing.Clock", __index = Clock }

--- The clock of the runtime that runs when its methods are called.
---@return weft.testing.Clock
function clock.new() return setmetatable({}, metatable) end

--- The time in seconds, as `weft.now()`; a virtual clock begins at 0.
---@return number
function Clock:now() return core.now "clock:now" end

local REAL = "clock:advance(seconds): the clock is the real one, and goes by "
  .. "itself; run the test on a virtual clock to move it by hand"

local function check_span(seconds)
  if type(seconds) == "number" and seconds >= 0 and seconds < math.huge then
    return
  end
  errors.fail_argument("clock:advance(seconds): seconds must be a number of 0 "
    .. "or more, and finite, got " .. errors.shown(seconds), 3)
end

--- Moves the virtual clock on by `seconds`: everything that is due up to then
-- fires, each at its own time with the turns it causes. Returns with the clock
-- at exactly that time and all other tasks parked, or waiting for it, too; 0
-- has done what is due now. The clock stands still, as ever, while a thread,
-- file operation, look-up or process runs. Afterwards it jumps as before, once
-- the caller parks. Parks. Cancelled, the clock stays where it is then. Raises
-- ArgumentError, and InvalidStateError on the real clock.
---@param seconds number
function Clock:advance(seconds)
  check_span(seconds)
  local code = core.clock_advance(seconds)
  if code == ESTATE then errors.fail(code, REAL) end
  if code == EINVAL then
    errors.fail(code, ("clock:advance(seconds): %g seconds are past the "
      .. "clock's end"):format(seconds))
  end
  if code then errors.fail(code) end
end

--- Waits until every other task is parked, or waits here too: whatever can be
-- done at this time is done then. On a virtual clock it returns before that
-- jumps; on the real one it waits for no time, and for no peer, to come. A task
-- that waits for a thread or a process is parked. Parks.
function clock.wait_all_parked()
  local code = core.wait_all_parked()
  if code then errors.fail(code) end
end

return clock
