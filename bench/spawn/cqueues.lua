--- Functions wrapped in a cqueues controller, which runs until all have ended:
--   luajit bench/spawn/cqueues.lua BATCH BATCHES
-- Prints the nanoseconds of one.

local cqueues = require "cqueues"
local usage = dofile "bench/usage.lua"

local batch, batches = ...
batch, batches = tonumber(batch), tonumber(batches)

local count = 0

local function body()
  count = count + 1
end

local queue = cqueues.new()

local function run(times)
  for _ = 1, times do
    for _ = 1, batch do queue:wrap(body) end
    assert(queue:loop())
  end
end

run(math.floor(batches / 10) + 1)
count = 0
local began = usage.now()
run(batches)
local took = usage.now() - began
assert(count == batch * batches, "wrong number of runs")
print(("spawn %.3f"):format(took / count * 1e9))
