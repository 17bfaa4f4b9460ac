--- Periodic work: a function called again and again, at even intervals.
--
--   weft examples/39_periodic_work.lua
--
-- It prints
--   call 1 at 80 ms
--   call 2 at 160 ms
--   call 3 at 320 ms, 1 was left out
--   until it was cancelled: 1 call
--   nine o'clock on weekdays, after a Saturday: Mon 09:00

local cron = require "weft.cron"
local weft = require "weft"

-- The times are counted from the beginning, so they do not drift, whatever the
-- calls take. One that takes too long makes the next ones be left out.
local PERIOD = 0.08
local began = weft.now()
weft.every(PERIOD, function(n, missed)
  local periods = math.floor((weft.now() - began) / PERIOD + 0.01)
  print(("call %d at %d ms%s"):format(n, periods * 80,
    missed > 0 and (", %d was left out"):format(missed) or ""))
  if n == 2 then weft.sleep(PERIOD * 1.2) end
end, { count = 3 })

-- Without a count it goes on until it is cancelled: by a timeout, with a group,
-- or as a background task at the end of the script.
local calls = 0
weft.move_on_after(0.05, function()
  weft.every(60, function() calls = calls + 1 end, { immediate = true })
end)
print(("until it was cancelled: %d call"):format(calls))

-- weft.cron(expression, fn) calls at times of the calendar. Here only the next
-- one is asked for.
local saturday = os.time { year = 2026, month = 1, day = 3, hour = 12 }
print("nine o'clock on weekdays, after a Saturday: "
  .. os.date("%a %H:%M", cron.parse "0 9 * * mon-fri":next(saturday)))
