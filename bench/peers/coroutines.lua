--- The least of a scheduler on luv, which has none: coroutines that wait for
-- callbacks, and yield to each other in turns of the loop. For the programs on
-- luv, by `dofile "bench/peers/coroutines.lua"`.

local uv = require "luv"

local coroutines = {}

-- Coroutines to be resumed in the next turn; while there are any, the idle
-- handle keeps the loop from blocking.
local ready = {}
local idle = uv.new_idle()

local function run_ready()
  local now = ready
  ready = {}
  for i = 1, #now do assert(coroutine.resume(now[i])) end
  if #ready == 0 then idle:stop() end
end

--- Lets the other coroutines and the loop go on.
function coroutines.yield()
  if #ready == 0 then idle:start(run_ready) end
  ready[#ready + 1] = coroutine.running()
  return coroutine.yield()
end

--- Calls `start(done)` and waits until done(...) is called; returns what it
-- was called with.
function coroutines.wait(start)
  local this, results = coroutine.running(), nil
  local parked = false
  start(function(...)
    if parked then
      assert(coroutine.resume(this, ...))
    else
      results = { n = select("#", ...), ... }
    end
  end)
  if results then return unpack(results, 1, results.n) end
  parked = true
  return coroutine.yield()
end

--- Runs fn(i) in `count` coroutines, and the loop until nothing is left to do.
function coroutines.run(count, fn)
  for i = 1, count do
    assert(coroutine.resume(coroutine.create(fn), i))
  end
  uv.run()
end

return coroutines
