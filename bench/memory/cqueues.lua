--- What a coroutine that waits in a cqueues controller takes:
--   luajit bench/memory/cqueues.lua TASKS
-- Nothing cancels one, so they are woken and return. Prints the resident bytes
-- of one (bytes), and the nanoseconds to start, wake and join one (each).

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local usage = dofile "bench/usage.lua"

local count = tonumber((...))
local begun, returned = 0, 0
local gate = condition.new()

local function body()
  begun = begun + 1
  gate:wait()
  returned = returned + 1
end

local before = usage.resident_bytes()
local began = usage.now()
local parked
local queue = cqueues.new()
for _ = 1, count do queue:wrap(body) end
queue:wrap(function()
  while begun < count do cqueues.sleep(0) end
  parked = usage.resident_bytes()
  gate:signal()
end)
assert(queue:loop())
local took = usage.now() - began
assert(returned == count, "a coroutine has not ended")
print(("bytes %.1f"):format((parked - before) / count))
print(("each %.3f"):format(took / count * 1e9))
