--- Items from producers to consumers through a queue that holds at most 128:
--   weft bench/queue/queue.lua fifo PAIRS ITEMS
--   ... priority PAIRS ITEMS      the smallest first
-- Prints the nanoseconds of one item, put and got.

local bxor = require("bit").bxor
local weft = require "weft"

local kind, couples, items = ...
couples, items = tonumber(couples), tonumber(items)

local new = { fifo = weft.queue, priority = weft.priority_queue }

local sum_put, sum_got

local function produce(queue, count)
  local sum = 0
  for i = 1, count do
    local item = bxor(i, 85) -- no longer in order
    queue:put(item)
    sum = sum + item
  end
  sum_put = sum_put + sum
end

local function consume(queue, count)
  local sum = 0
  for _ = 1, count do sum = sum + queue:get() end
  sum_got = sum_got + sum
end

-- Returns how long it took to bring `count` items from each producer to a
-- consumer.
local function round(count)
  local queue = new[kind](128)
  sum_put, sum_got = 0, 0
  local began = weft.now()
  weft.group(function(group)
    for _ = 1, couples do
      group:spawn(produce, queue, count)
      group:spawn(consume, queue, count)
    end
  end)
  local took = weft.now() - began
  assert(sum_got == sum_put and queue:empty(), "wrong items")
  return took
end

local each = math.floor(items / couples)
round(math.floor(each / 10))
print(("item %.3f"):format(round(each) / (each * couples) * 1e9))
