--- An echo server on copas, a coroutine for each connection:
--   luajit bench/echo/copas.lua
-- Prints its port. Copas waits by select(), whose sets end at descriptor 1,023.

local copas = require "copas"
local socket = require "socket"

local server = assert(socket.bind("127.0.0.1", 0, 1000))

copas.addserver(server, function(connection)
  connection:setoption("tcp-nodelay", true)
  while true do
    local bytes, err, part = copas.receivePartial(connection, 64 * 1024)
    bytes = bytes or part
    if bytes and #bytes > 0 then
      copas.send(connection, bytes)
    elseif err == "closed" then
      return
    end
  end
end)

print((select(2, server:getsockname())))
io.stdout:flush()
copas.loop()
