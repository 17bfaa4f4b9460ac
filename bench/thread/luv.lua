--- Calls in the thread pool of luv (uv.new_work), by coroutines:
--   luajit bench/thread/luv.lua calls CALLS AT_ONCE
--   luajit bench/thread/luv.lua busy
-- Prints the microseconds of one; of `busy` how much longer two that compute
-- take than one.

local coroutines = dofile "bench/peers/coroutines.lua"
local usage = dofile "bench/usage.lua"
local uv = require "luv"

local STEPS = 2e8

-- Returns a function that calls `fn` in a thread, and waits for its result.
local function in_thread(fn)
  local resume -- by the number of the call
  local waiting, calls = {}, 0
  local work = uv.new_work(fn, function(id, result) resume(id, result) end)
  function resume(id, result)
    local done = waiting[id]
    waiting[id] = nil
    done(result)
  end
  return function(argument)
    calls = calls + 1
    local id = calls
    return coroutines.wait(function(done)
      waiting[id] = done
      work:queue(id, argument)
    end)
  end
end

local add_one = in_thread(function(id, number) return id, number + 1 end)

local compute = in_thread(function(id, steps)
  local state = 1
  for _ = 1, steps do state = (state * 16807) % 2147483647 end
  return id, state
end)

local function round(count, at_once)
  local each, sum = count / at_once, 0
  coroutines.run(at_once, function()
    for i = 1, each do
      local result = add_one(i) -- others change the sum meanwhile
      sum = sum + result
    end
  end)
  assert(sum == at_once * each * (each + 3) / 2, "wrong results")
end

-- Returns how long it took to compute at once in so many threads.
local function compute_in(threads)
  local results = {}
  local began = usage.now()
  coroutines.run(threads, function(i) results[i] = compute(STEPS) end)
  local took = usage.now() - began
  for i = 1, threads do assert(results[i] == results[1], "wrong results") end
  return took
end

local how, count, at_once = ...
count, at_once = tonumber(count), tonumber(at_once)
if how == "busy" then
  compute_in(2)
  local one = compute_in(1)
  print(("ratio %.3f"):format(compute_in(2) / one))
else
  round(count / 10, at_once)
  local began, cpu_began = usage.now(), usage.cpu()
  round(count, at_once)
  print(("call %.3f"):format((usage.now() - began) / count * 1e6))
  print(("cpu %.3f"):format((usage.cpu() - cpu_began) / count * 1e6))
end
