--- A protocol of lines: who says nothing, or too much, is not served for ever.
--
--   weft examples/44_line_protocol.lua
--
-- It prints
--   ann reads: OK
--   ann reads: 42
--   ann reads: ERR no command "frob"
--   bob, who has no end, reads: ERR a line has at most 64 bytes
--   sue, who falls silent, reads: 42
--   sue, who falls silent, reads: ERR silent for 0.1 s

local net = require "weft.net"
local weft = require "weft"
local LINE_MAX, SILENCE_MAX, store = 64, 0.1, {}

local function answer(line)
  local name, key, value = line:match "^(%S*) ?(%S*) ?(.*)$"
  if name == "get" then return store[key] or "ERR no such key" end
  if name ~= "set" then return ("ERR no command %q"):format(name) end
  store[key] = value
  return "OK"
end

local function next_line(stream) -- nil at the end
  return weft.timeout(SILENCE_MAX, function()
    return stream:read_line(LINE_MAX)
  end)
end

local function handle(stream)
  weft.catch(function()
    for line in next_line, stream do stream:write(answer(line), "\n") end
  end, {
    { "LimitOverrunError", function()
      stream:write("ERR a line has at most ", LINE_MAX .. " bytes\n")
    end },
    { "TimeoutError", function()
      stream:write("ERR silent for ", SILENCE_MAX .. " s\n")
    end },
  })
end

local listener = net.listen { host = "127.0.0.1", port = 0 }
local server = weft.spawn(listener.serve, listener, handle)

local function client(name, text, leaves)
  local stream = net.connect { host = "127.0.0.1", port = listener:port() }
  weft.with(stream, function()
    stream:write(text)
    if leaves then stream:shutdown() end
    for line in stream:lines() do print(name .. " reads: " .. line) end
  end)
end

client("ann", "set answer 42\nget answer\nfrob\n", true)
client("bob, who has no end,", ("bla "):rep(100))
client("sue, who falls silent,", "get answer\nget")
listener:close()
server:await()
