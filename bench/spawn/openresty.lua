--- Light threads of OpenResty spawned and waited for in batches:
--   bench/peers/openresty bench/spawn/openresty.lua BATCH BATCHES
-- Prints the nanoseconds of one.

local usage = dofile "bench/usage.lua"

local batch, batches = ...
batch, batches = tonumber(batch), tonumber(batches)

local count = 0

local function body()
  count = count + 1
end

local function run(times)
  local threads = {}
  for _ = 1, times do
    for i = 1, batch do threads[i] = ngx.thread.spawn(body) end
    for i = 1, batch do assert(ngx.thread.wait(threads[i])) end
  end
end

run(math.floor(batches / 10) + 1)
count = 0
local began = usage.now()
run(batches)
local took = usage.now() - began
assert(count == batch * batches, "wrong number of runs")
print(("spawn %.3f"):format(took / count * 1e9))
