--- Timeouts within timeouts: each ends what is its own, and nothing else.
--
--   weft examples/11_nested_timeouts.lua
--
-- It prints
--   ask: TimeoutError: timed out after 0.01 s
--   all of it: plan B
--   asking again
--   the inner function was cut off by CancelledError
--   all of it: TimeoutError: timed out after 0.02 s

local weft = require "weft"

local function never_answers() weft.sleep(60) end

-- The inner time is up first: the error is raised inside the outer function,
-- which has time left and goes on.
print("all of it: " .. weft.timeout(10, function()
  local answer, err = weft.try(weft.timeout, 0.01, never_answers)
  print("ask: " .. tostring(err))
  return answer or "plan B"
end))

-- The outer time is up first: what is inside is cancelled. That is no
-- TimeoutError there, so nobody inside can take it for one of his own, and a
-- `try` or a retry inside does not stop it on its way out.
local _, err = weft.try(weft.timeout, 0.02, function()
  while true do
    print "asking again"
    weft.try(weft.timeout, 10, function()
      weft.finally(never_answers, function(reason)
        print("the inner function was cut off by " .. reason.name)
      end)
    end)
  end
end)
print("all of it: " .. tostring(err))
