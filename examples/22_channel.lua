--- A channel: several send, one receives, until the last sender is closed.
--
--   weft examples/22_channel.lua
--
-- It prints
--   north: 11 degrees
--   south: 24 degrees
--   north: 12 degrees
--   south: 25 degrees
--   no more: both stations are closed
--   nobody listens: ClosedError

local weft = require "weft"

-- A channel has two ends. With a capacity of 0, send returns when the receiver
-- has the item.
local sender, receiver = weft.channel(0)

-- Each station has a sender of its own, and closes it when it is through:
-- nobody has to count how many there are.
local function station(name, degrees, own_sender)
  weft.closing(own_sender, function()
    for i = 0, 1 do
      weft.sleep(0.01)
      own_sender:send(("%s: %d degrees"):format(name, degrees + i))
    end
  end)
end

weft.group(function(group)
  group:spawn(station, "north", 11, sender:clone())
  group:spawn(station, "south", 24, sender:clone())
  sender:close()
  for line in receiver:items() do print(line) end
  print "no more: both stations are closed"
end)

-- The other way round: who sends is told that nobody receives any more.
sender, receiver = weft.channel(10)
receiver:close()
local _, err = weft.try(sender.send, sender, "hello?")
print("nobody listens: " .. err.name)
sender:close()
