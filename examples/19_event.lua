--- An event: many tasks wait until something has happened.
--
--   weft examples/19_event.lua
--
-- It prints
--   runner 1 is ready
--   runner 2 is ready
--   runner 3 is ready
--   go
--   runner 1 runs
--   runner 2 runs
--   runner 3 runs
--   runner 4 is late, and runs at once

local weft = require "weft"

local start = weft.event()

local function run(number)
  print(("runner %d is ready"):format(number))
  start:wait()
  print(("runner %d runs"):format(number))
end

weft.group(function(group)
  for number = 1, 3 do group:spawn(run, number) end
  weft.sleep(0.01)
  print "go"
  start:set() -- it stays set until somebody clears it
end)

if start:is_set() then
  start:wait() -- returns at once
  print "runner 4 is late, and runs at once"
end
