--- Tasks that acquire and release one lock:
--   weft bench/lock/lock.lua plain TASKS TIMES
--   ... yield TASKS TIMES      with a weft.yield while it is held
-- Prints the nanoseconds of one acquire and release; TIMES is of all tasks.

local weft = require "weft"

local work, tasks, times = ...
tasks, times = tonumber(tasks), tonumber(times)

local count

local bodies = {}

function bodies.plain(lock, rounds)
  for _ = 1, rounds do
    lock:acquire()
    count = count + 1
    lock:release()
  end
end

-- Counts wrong if another task comes in between.
function bodies.yield(lock, rounds)
  for _ = 1, rounds do
    lock:acquire()
    local before = count
    weft.yield()
    count = before + 1
    lock:release()
  end
end

-- Returns how long `tasks` tasks took for `rounds` rounds each.
local function turns(rounds)
  local lock = weft.lock()
  count = 0
  local began = weft.now()
  weft.group(function(group)
    for _ = 1, tasks do group:spawn(bodies[work], lock, rounds) end
  end)
  local took = weft.now() - began
  assert(count == tasks * rounds and not lock:locked(), "wrong count")
  return took
end

local each = math.floor(times / tasks)
turns(math.floor(each / 10))
print(("lock %.3f"):format(turns(each) / (each * tasks) * 1e9))
