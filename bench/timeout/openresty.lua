--- Waits of OpenResty that end by their timeout:
--   bench/peers/openresty bench/timeout/openresty.lua fires TASKS TIMES
-- of 1 ms, in CPU time. A timeout is an argument of each wait there, so none is
-- entered and left. Prints the nanoseconds of one.

local semaphore = require "ngx.semaphore"
local usage = dofile "bench/usage.lua"

local work, tasks, times = ...
assert(work == "fires", "OpenResty has no timeout to enter and leave")
tasks, times = tonumber(tasks), tonumber(times)

local good

local function body(rounds)
  local never = semaphore.new()
  for _ = 1, rounds do
    local ok, err = never:wait(0.001)
    if not ok and err == "timeout" then good = good + 1 end
  end
end

local function turns(rounds)
  local threads = {}
  good = 0
  for i = 1, tasks do threads[i] = ngx.thread.spawn(body, rounds) end
  for i = 1, tasks do assert(ngx.thread.wait(threads[i])) end
end

turns(math.floor(times / 10) + 1)
local began = usage.cpu()
turns(times)
local took = usage.cpu() - began
assert(good == tasks * times, "wrong number of timeouts")
print(("timeout %.3f"):format(took / good * 1e9))
