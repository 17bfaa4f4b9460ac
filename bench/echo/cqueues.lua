--- An echo server on cqueues, a coroutine for each connection:
--   luajit bench/echo/cqueues.lua
-- Prints its port.

local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local controller = cqueues.new()
local server = assert(socket.listen { host = "127.0.0.1", port = 0,
  nodelay = true })
server:listen()
print((select(3, server:localname())))
io.stdout:flush()

-- A negative count asks for what there is, up to so much.
local function echo(connection)
  connection:setmode("b", "bn")
  while true do
    local bytes = connection:read(-64 * 1024)
    if not bytes then break end
    connection:write(bytes)
  end
  connection:close()
end

controller:wrap(function()
  for connection in server:clients() do
    controller:wrap(echo, connection)
  end
end)
assert(controller:loop())
