--- An echo server: weft bench/echo/echo.lua
-- Prints its port.

local weft = require "weft"

local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
print(listener:port())
io.stdout:flush()

listener:serve(function(stream)
  while true do
    local bytes = stream:read()
    if not bytes then return end
    stream:write(bytes)
  end
end)
