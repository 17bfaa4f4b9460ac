--- A TCP server and three clients of it, in one program.
--
--   weft examples/41_echo_server.lua
--
-- It prints
--   hello, one
--   hello, two
--   hello, three
--   the server is closed

local net = require "weft.net"
local weft = require "weft"

-- Runs in a task for each connection; the connection is closed at its end.
local function echo(stream)
  for line in stream:lines() do stream:write("hello, ", line, "\n") end
end

-- Sends a line and returns the line that comes back.
local function ask(port, name)
  local stream = net.connect { host = "127.0.0.1", port = port }
  return weft.with(stream, function()
    stream:write(name, "\n")
    return stream:read_line()
  end)
end

-- Port 0 is any that is free; the address tells which.
local listener = net.listen { host = "127.0.0.1", port = 0 }
local port = listener:port()

weft.group(function(group)
  group:spawn("server", listener.serve, listener, echo)
  local answers = weft.map({ "one", "two", "three" }, function(name)
    return ask(port, name)
  end)
  for _, answer in ipairs(answers) do print(answer) end
  listener:close() -- serve returns when its connections have ended
end)
print "the server is closed"
