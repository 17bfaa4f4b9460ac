--- Items sent from one task to another until the stream ends:
--   weft bench/channel/channel.lua CAPACITY ITEMS      0 is a rendezvous
-- Prints the nanoseconds of one item, sent and received.

local weft = require "weft"

local capacity, items = ...
capacity, items = tonumber(capacity), tonumber(items)

local function send(sender, count)
  for i = 1, count do sender:send(i) end
  sender:close()
end

-- Returns how long `count` items took.
local function stream(count)
  local sender, receiver = weft.channel(capacity)
  local sum = 0
  local began = weft.now()
  weft.group(function(group)
    group:spawn(send, sender, count)
    for item in receiver:items() do sum = sum + item end
    receiver:close()
  end)
  local took = weft.now() - began
  assert(sum == count * (count + 1) / 2, "wrong items")
  return took
end

stream(math.floor(items / 10))
print(("item %.3f"):format(stream(items) / items * 1e9))
