--- Calls in other threads:
--   weft bench/thread/thread.lua calls|executor CALLS AT_ONCE
--   weft bench/thread/thread.lua busy
-- The calls are made by weft.to_thread, or by an executor of two threads, by as
-- many tasks as there are to be at once. Prints the microseconds of one; of
-- `busy` how much longer two that compute take than one.

local weft = require "weft"
local usage = dofile "bench/usage.lua"

local STEPS = 2e8 -- of computing

-- -- Trivial calls -----------------------------------------------------------

local function add_one(number) return number + 1 end

-- `call(fn, ...)` runs a function in a thread.
local function round(call, count, at_once)
  local each = count / at_once
  local sum = 0
  weft.group(function(group)
    for _ = 1, at_once do
      group:spawn(function()
        for i = 1, each do
          local result = call(add_one, i) -- others change the sum meanwhile
          sum = sum + result
        end
      end)
    end
  end)
  assert(sum == at_once * each * (each + 3) / 2, "wrong results")
end

local function measure_calls(call, count, at_once)
  round(call, count / 10, at_once)
  local began, cpu_began = weft.now(), usage.cpu()
  round(call, count, at_once)
  print(("call %.3f"):format((weft.now() - began) / count * 1e6))
  print(("cpu %.3f"):format((usage.cpu() - cpu_began) / count * 1e6))
end

-- -- Computing ---------------------------------------------------------------

local function compute(steps)
  local state = 1
  for _ = 1, steps do state = (state * 16807) % 2147483647 end
  return state
end

-- Returns how long it took to compute that at once in so many threads.
local function compute_in(threads)
  local jobs = {}
  for i = 1, threads do jobs[i] = STEPS end
  local began = weft.now()
  local results = weft.map(jobs, function(steps)
    return weft.to_thread(compute, steps)
  end)
  local took = weft.now() - began
  for i = 2, threads do assert(results[i] == results[1], "wrong results") end
  return took
end

-- -- Measuring ---------------------------------------------------------------

local how, count, at_once = ...
count, at_once = tonumber(count), tonumber(at_once)
if how == "calls" then
  measure_calls(weft.to_thread, count, at_once)
elseif how == "executor" then
  weft.with(weft.executor.threads { workers = 2 }, function(executor)
    measure_calls(function(...) return executor:run(...) end, count, at_once)
  end)
else
  compute_in(2)
  local one = compute_in(1)
  print(("ratio %.3f"):format(compute_in(2) / one))
end
