--- A supervisor: keeps tasks running, and starts again those that fail.
--
--   weft examples/38_supervisor.lua
--
-- It prints
--   importer: begins
--   clock: begins
--   importer: failed: Error: the disk is full
--   importer: begins
--   importer: done
--   clock: stopped
--   importer: restarts 1
--   broken: failed: Error: it never works
--   broken: failed: Error: it never works
--   SupervisorError: it never works

local weft = require "weft"

local attempts, imported = 0, weft.event()

-- Fails at first.
local function import()
  print "importer: begins"
  attempts = attempts + 1
  weft.sleep(0.01)
  if attempts == 1 then error("the disk is full", 0) end
  print "importer: done"
  imported:set()
end

local function tick()
  print "clock: begins"
  weft.finally(weft.sleep_forever, function() print "clock: stopped" end)
end

local function on_error(err, name)
  print(("%s: failed: %s"):format(name, tostring(err)))
end

-- Each child that fails is started again; one that returns has done its work,
-- unless it is to run always. run returns when all are done, or are stopped.
local supervisor = weft.supervisor({
  { name = "importer", fn = import },
  { name = "clock", fn = tick, restart = "always" },
}, { on_error = on_error })
weft.group(function(group)
  group:spawn("supervisor", supervisor.run, supervisor)
  imported:wait()
  supervisor:stop() -- the last child first
end)
print("importer: restarts " .. supervisor:children()[1].restarts)

-- What fails again and again is not kept up for ever.
local _, err = weft.try(function()
  weft.supervisor({
    { name = "broken", fn = function() error("it never works", 0) end },
  }, { restarts = 2, period = 5, on_error = on_error }):run()
end)
print(err.name .. ": " .. err.cause.message)
