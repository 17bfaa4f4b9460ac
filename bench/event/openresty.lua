--- Light threads of OpenResty that wake each other by semaphores:
--   bench/peers/openresty bench/event/openresty.lua pong WAKES
-- It has nothing that wakes all who wait. Prints the nanoseconds of one woken.

local semaphore = require "ngx.semaphore"
local usage = dofile "bench/usage.lua"

local work, wakes = ...
assert(work == "pong", "only ping-pong is written for OpenResty")
wakes = tonumber(wakes)

local woken

local function join(threads)
  for i = 1, #threads do assert(ngx.thread.wait(threads[i])) end
end

local function answer(mine, other, rounds)
  for _ = 1, rounds do
    assert(mine:wait(60))
    woken = woken + 1
    other:post(1)
  end
end

local function pong(rounds)
  local ping, back = semaphore.new(1), semaphore.new()
  join { ngx.thread.spawn(answer, ping, back, rounds),
    ngx.thread.spawn(answer, back, ping, rounds) }
end

-- Returns the nanoseconds of one wake.
local function measure(rounds)
  woken = 0
  local began = usage.now()
  pong(rounds)
  local took = usage.now() - began
  assert(woken == 2 * rounds, "wrong number of wakes")
  return took / woken * 1e9
end

local rounds = math.floor(wakes / 2)
measure(math.floor(rounds / 10))
print(("wake %.3f"):format(measure(rounds)))
