--- Functions run at once in light threads of OpenResty, and their results:
--   bench/peers/openresty bench/gather/openresty.lua FUNCTIONS TIMES
-- Each yields once. Prints the nanoseconds of one function.

local usage = dofile "bench/usage.lua"

local count, times = ...
count, times = tonumber(count), tonumber(times)

local function work(result)
  coroutine.yield()
  return result
end

local function gather()
  local threads, results = {}, {}
  for i = 1, count do threads[i] = ngx.thread.spawn(work, i) end
  for i = 1, count do
    local ok, result = ngx.thread.wait(threads[i])
    assert(ok, result)
    results[i] = result
  end
  return results
end

-- Returns how long it took to gather them all `rounds` times.
local function round(rounds)
  local sum = 0
  local began = usage.now()
  for _ = 1, rounds do
    local results = gather()
    for i = 1, count do sum = sum + results[i] end
  end
  local took = usage.now() - began
  assert(sum == rounds * count * (count + 1) / 2, "wrong results")
  return took
end

round(math.floor(times / 10))
print(("gather %.3f"):format(round(times) / (times * count) * 1e9))
