--- Light threads of OpenResty that yield in turn:
--   bench/peers/openresty bench/switch/openresty.lua TASKS SWITCHES
-- Prints the nanoseconds of one coroutine.yield.

local usage = dofile "bench/usage.lua"

local tasks, switches = ...
tasks, switches = tonumber(tasks), tonumber(switches)

local done = 0

local function body(rounds)
  for _ = 1, rounds do coroutine.yield() end
  done = done + rounds
end

local function turns(rounds)
  local threads = {}
  for i = 1, tasks do threads[i] = ngx.thread.spawn(body, rounds) end
  for i = 1, tasks do assert(ngx.thread.wait(threads[i])) end
end

local rounds = math.floor(switches / tasks)
turns(math.floor(rounds / 10))
done = 0
local began = usage.now()
turns(rounds)
local took = usage.now() - began
assert(done == rounds * tasks, "wrong number of switches")
print(("switch %.3f"):format(took / done * 1e9))
