--- Datagrams: a small service by UDP, which answers, and forgets who asked
--
--   weft examples/46_datagrams.lua
--
-- It prints
--   2 + 3 = 5
--   10 - 4 = 6
--   no answer to: what?
--   the service has heard 4 datagrams

local net = require "weft.net"
local weft = require "weft"

-- The service: a datagram in, a datagram back; what it does not understand, it
-- lets lie. The loop ends when the socket is closed.
local function serve(socket)
  local count = 0
  for question, _, host, port in socket:datagrams() do
    count = count + 1
    local a, sign, b = question:match "^(%d+) ([+-]) (%d+)$"
    if a then socket:send(a + (sign == "+" and b or -b) .. "", host, port) end
  end
  return count
end

-- A datagram may be lost on its way, either way: so who asks sets a time, and
-- asks twice. Connected, the socket hears nobody but the service.
local function ask(service, question, seconds)
  return weft.with(net.udp { host = "127.0.0.1" }, function(socket)
    socket:connect("127.0.0.1", service:port())
    for _ = 1, 2 do
      socket:send(question)
      local answer
      weft.move_on_after(seconds or 5, function()
        answer = socket:receive()
      end)
      if answer then return question .. " = " .. answer end
    end
    return "no answer to: " .. question
  end)
end

local service = net.udp { host = "127.0.0.1" }
local server = weft.spawn("server", serve, service)
print(ask(service, "2 + 3"))
print(ask(service, "10 - 4"))
print(ask(service, "what?", 0.05))
service:close()
print("the service has heard " .. server:await() .. " datagrams")
