--- libuv timers by luv, around what coroutines do:
--   luajit bench/timeout/luv.lua scope TASKS TIMES   started and stopped
--   ... yield TASKS TIMES    with a turn of the loop in between
--   ... fires TASKS TIMES    of 1 ms, waited for, in CPU time
-- Prints the nanoseconds of one timeout. Each coroutine has one timer, which it
-- uses again; its callback would end the wait.

local coroutines = dofile "bench/peers/coroutines.lua"
local usage = dofile "bench/usage.lua"
local uv = require "luv"

local work, tasks, times = ...
tasks, times = tonumber(tasks), tonumber(times)

local good

-- -- Timeouts -----------------------------------------------------------------

local function fail() error "timed out" end

local bodies = {}

function bodies.scope(timer, rounds)
  for _ = 1, rounds do
    timer:start(60000, 0, fail)
    timer:stop()
    good = good + 1
  end
end

function bodies.yield(timer, rounds)
  for _ = 1, rounds do
    timer:start(60000, 0, fail)
    coroutines.yield()
    timer:stop()
    good = good + 1
  end
end

function bodies.fires(timer, rounds)
  local this = coroutine.running()
  local function wake() assert(coroutine.resume(this, "timed out")) end
  for _ = 1, rounds do
    timer:start(1, 0, wake)
    if coroutine.yield() == "timed out" then good = good + 1 end
  end
end

-- -- Measuring ----------------------------------------------------------------

local function turns(rounds)
  good = 0
  coroutines.run(tasks, function()
    local timer = uv.new_timer()
    bodies[work](timer, rounds)
    timer:close()
  end)
end

local clock = work == "fires" and usage.cpu or usage.now
turns(math.floor(times / 10) + 1)
local began = clock()
turns(times)
local took = clock() - began
assert(good == tasks * times, "wrong number of timeouts")
print(("timeout %.3f"):format(took / good * 1e9))
