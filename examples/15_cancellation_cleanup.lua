--- Cancellation: it ends a wait by an error, and cleanup runs on the way out.
--
--   weft examples/15_cancellation_cleanup.lua
--
-- It prints
--   working
--   saving what there is (CancelledError: cancelled by cancel: enough)
--   saved
--   the task was cancelled: true
--   caught, but not for long: cancelled again
--   the group ended early
--
-- Ctrl-C does the same to the main task: try it with a longer sleep.

local weft = require "weft"

-- The cleanup of `finally` is shielded: it may wait, even in cancelled code.
local function work()
  weft.finally(function()
    print "working"
    weft.sleep(60)
  end, function(err)
    print("saving what there is (" .. tostring(err) .. ")")
    weft.sleep(0.01)
    print "saved"
  end)
end

local task = weft.spawn("worker", work)
weft.yield() -- lets it begin
task:cancel "enough"
weft.wait { task }
print("the task was cancelled: " .. tostring(task:cancelled()))

-- A cancellation cannot be swallowed: while the task is cancelled, every call
-- that waits raises it.
local stubborn = weft.spawn("stubborn", function()
  pcall(weft.sleep, 60)
  local ok, err = pcall(weft.sleep, 60)
  assert(not ok and err:is "CancelledError")
  print "caught, but not for long: cancelled again"
end)
weft.yield()
stubborn:cancel()
weft.wait { stubborn }

-- A group that is cancelled stops its tasks, and that is no error.
weft.group(function(group)
  for _ = 1, 1000 do group:spawn(weft.sleep_forever) end
  group:cancel()
end)
print "the group ended early"
