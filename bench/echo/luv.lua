--- An echo server on luv, in callbacks: luajit bench/echo/luv.lua
-- Prints its port.

local uv = require "luv"

local server = uv.new_tcp()
assert(server:bind("127.0.0.1", 0))
assert(server:listen(1000, function(failure)
  assert(not failure, failure)
  local connection = uv.new_tcp()
  assert(server:accept(connection))
  connection:nodelay(true)
  connection:read_start(function(err, bytes)
    if err or not bytes then return connection:close() end
    connection:write(bytes)
  end)
end))
print(server:getsockname().port)
io.stdout:flush()
uv.run()
