--- Light threads of OpenResty that wait, and are killed:
--   bench/peers/openresty bench/cancel/openresty.lua TASKS
-- A killed thread is not unwound, and cannot be waited for. Prints the
-- nanoseconds of one ngx.thread.kill (cancel), and the same with the spawning
-- (all).

local semaphore = require "ngx.semaphore"
local usage = dofile "bench/usage.lua"

local count = tonumber((...))
local returned = 0
local never = semaphore.new()

local function body()
  never:wait(3600)
  returned = returned + 1
end

-- Returns the seconds of it all and of the cancelling.
local function turns()
  local threads = {}
  local began = usage.now()
  for i = 1, count do threads[i] = ngx.thread.spawn(body) end
  local parked = usage.now()
  for i = 1, count do assert(ngx.thread.kill(threads[i])) end
  local ended = usage.now()
  assert(returned == 0, "a thread has returned")
  return ended - began, ended - parked
end

turns()
collectgarbage()
local all, cancel = turns()
print(("cancel %.3f"):format(cancel / count * 1e9))
print(("all %.3f"):format(all / count * 1e9))
