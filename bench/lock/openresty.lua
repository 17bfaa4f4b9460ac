--- Light threads of OpenResty that acquire and release one semaphore of one:
--   bench/peers/openresty bench/lock/openresty.lua plain TASKS TIMES
--   ... yield TASKS TIMES      with a coroutine.yield while it is held
-- Prints the nanoseconds of one acquire and release; TIMES is of all threads.

local semaphore = require "ngx.semaphore"
local usage = dofile "bench/usage.lua"

local work, tasks, times = ...
tasks, times = tonumber(tasks), tonumber(times)

local count

local function body(lock, rounds)
  for _ = 1, rounds do
    assert(lock:wait(60))
    -- Counts wrong if another thread comes in between.
    local before = count
    if work == "yield" then coroutine.yield() end
    count = before + 1
    lock:post(1)
  end
end

-- Returns how long `tasks` threads took for `rounds` rounds each.
local function turns(rounds)
  local lock, threads = semaphore.new(1), {}
  count = 0
  local began = usage.now()
  for i = 1, tasks do threads[i] = ngx.thread.spawn(body, lock, rounds) end
  for i = 1, tasks do assert(ngx.thread.wait(threads[i])) end
  local took = usage.now() - began
  assert(count == tasks * rounds, "wrong count")
  return took
end

local each = math.floor(times / tasks)
turns(math.floor(each / 10))
print(("lock %.3f"):format(turns(each) / (each * tasks) * 1e9))
