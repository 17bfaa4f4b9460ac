--- A connection pool: connections are made when needed, lent, and used again.
--
--   weft examples/34_connection_pool.lua
--
-- It prints
--   connection 1 is made
--   connection 2 is made
--   6 answers: 1 4 9 16 25 36
--   idle: 2
--   the caller sees: Error: that is no answer
--   idle: 1, the other one was closed
--   after close: ClosedError

local net = require "weft.net"
local weft = require "weft"

-- A server that squares numbers, a bit slowly.
local listener = net.listen { host = "127.0.0.1", port = 0 }
local port = listener:port()
weft.spawn("server", listener.serve, listener, function(stream)
  for line in stream:lines() do
    weft.sleep(0.01)
    stream:write(tostring(tonumber(line) ^ 2), "\n")
  end
end)

-- Two at most; who comes when both are lent waits for one, first come, first
-- served. What has a method close is closed by that.
local made = 0
local pool = weft.pool {
  max = 2,
  create = function()
    made = made + 1
    print(("connection %d is made"):format(made))
    return net.connect { host = "127.0.0.1", port = port }
  end,
}

local function square(number)
  return pool:with(function(stream)
    stream:write(tostring(number), "\n")
    return stream:read_line()
  end)
end

local squares = weft.map({ 1, 2, 3, 4, 5, 6 }, square)
print("6 answers: " .. table.concat(squares, " "))
print("idle: " .. pool:statistics().idle)

-- Whoever fails leaves the connection in some state that nobody knows, so it is
-- closed instead of lent again.
local _, err = weft.try(pool.with, pool, function()
  error("that is no answer", 0)
end)
print("the caller sees: " .. tostring(err))
print(("idle: %d, the other one was closed"):format(pool:statistics().idle))

pool:close()
_, err = weft.try(square, 7)
print("after close: " .. err.name)
