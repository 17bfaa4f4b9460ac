--- What a parked task takes: weft bench/memory/memory.lua TASKS
-- Prints the resident bytes of one (bytes), and the nanoseconds to spawn,
-- cancel and join one (each).

local weft = require "weft"
local usage = dofile "bench/usage.lua"

local count = tonumber((...))
local begun, returned = 0, 0

local function body()
  begun = begun + 1
  weft.sleep_forever()
  returned = returned + 1
end

local before = usage.resident_bytes()
local began = weft.now()
local parked
weft.group(function(group)
  for _ = 1, count do group:spawn(body) end
  weft.yield()
  parked = usage.resident_bytes()
  group:cancel()
end)
local took = weft.now() - began
assert(begun == count and returned == 0, "a task has not ended cancelled")
print(("bytes %.1f"):format((parked - before) / count))
print(("each %.3f"):format(took / count * 1e9))
