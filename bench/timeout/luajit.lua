--- What raising costs in bare LuaJIT, which has no timers: errors that are
-- caught by pcall, one for each timeout that fires:
--   luajit bench/timeout/luajit.lua fires TASKS TIMES
-- Prints the nanoseconds, of CPU time, of one.

local usage = dofile "bench/usage.lua"

local work, tasks, times = ...
assert(work == "fires", "bare LuaJIT has no timers")
local count = tonumber(tasks) * tonumber(times)

local err = {}

local function turns(rounds)
  local caught = 0
  for _ = 1, rounds do
    local ok, got = pcall(error, err, 0)
    if not ok and got == err then caught = caught + 1 end
  end
  assert(caught == rounds, "wrong number of errors")
end

turns(math.floor(count / 10) + 1)
local began = usage.cpu()
turns(count)
print(("timeout %.3f"):format((usage.cpu() - began) / count * 1e9))
