--- A graceful shutdown: on SIGTERM nothing new is taken, what is begun is
-- finished; SIGHUP only has the settings read again.
--
--   weft examples/50_graceful_shutdown.lua
--
-- It prints
--   HUP: settings read again
--   TERM: no new jobs
--   worker: finished job 1
--   worker: finished job 2
--   the worker has ended

local weft = require "weft"

local jobs = weft.queue()

-- Finishes what is in the queue, then ends: the queue has been shut down.
local function worker()
  for job in jobs:items() do
    weft.sleep(0.02) -- the work
    print("worker: finished " .. job)
  end
end

-- The signals come to this task, and do nothing else meanwhile: without it,
-- TERM would cancel the main task.
local function watch(signals)
  for name in signals do
    if name == "HUP" then
      print "HUP: settings read again"
    else
      print(name .. ": no new jobs")
      return jobs:shutdown()
    end
  end
end

-- Stands for who runs this program: a service manager, or Ctrl-C.
local function send(name)
  weft.process.run { "sh", "-c", "kill -" .. name .. " $PPID" }
end

local signals = weft.signals("HUP", "INT", "TERM")
weft.group(function(group)
  group:spawn("signals", watch, signals)
  send "HUP"
  jobs:put "job 1"
  jobs:put "job 2"
  send "TERM"
  weft.wait_for(group:spawn("worker", worker), 5) -- no longer than that
end)
signals:close()
print "the worker has ended"
