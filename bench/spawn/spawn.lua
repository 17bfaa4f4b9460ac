--- Tasks spawned and joined in batches: weft bench/spawn/spawn.lua BATCH
-- BATCHES. Prints the nanoseconds of one spawn and its part of the join.

local weft = require "weft"

local batch, batches = ...
batch, batches = tonumber(batch), tonumber(batches)

local count = 0

local function body()
  count = count + 1
end

local function fill(group)
  for _ = 1, batch do group:spawn(body) end
end

local function run(times)
  for _ = 1, times do weft.group(fill) end
end

run(math.floor(batches / 10) + 1)
count = 0
local began = weft.now()
run(batches)
local took = weft.now() - began
assert(count == batch * batches, "wrong number of runs")
print(("spawn %.3f"):format(took / count * 1e9))
