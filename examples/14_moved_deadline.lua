--- A deadline that is moved while its code runs: a limit on silence.
--
--   weft examples/14_moved_deadline.lua
--
-- It prints
--   got 1
--   got 2
--   got 3
--   got 4
--   then nothing for 0.1 s
--   from outside: stopped early

local weft = require "weft"

local SILENCE = 0.1

-- Gives numbers now and then, and falls silent.
local numbers = weft.queue()
weft.spawn(function()
  for n = 1, 4 do
    weft.sleep(0.03)
    numbers:put(n)
  end
end)

-- Four numbers take longer than 0.1 s. But each one moves the deadline, so only
-- a silence of that time ends the loop.
local scope = weft.move_on_after(SILENCE, function(limit)
  for n in numbers:items() do
    print("got " .. n)
    limit:reschedule(weft.now() + SILENCE)
  end
end)
assert(scope:cancelled_caught())
print(("then nothing for %.1f s"):format(SILENCE))

-- Any task may move it; here to now.
weft.move_on_after(60, function(limit)
  weft.spawn(function() limit:reschedule(weft.now()) end)
  weft.finally(weft.sleep_forever,
    function() print "from outside: stopped early" end)
end)
