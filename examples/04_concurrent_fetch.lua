--- Five requests at once, to a small server in the same script.
--
--   weft examples/04_concurrent_fetch.lua
--
-- It prints
--   one: 1 little fish
--   two: 2 little fish
--   three: 3 little fish
--   four: 4 little fish
--   five: 5 little fish
--   5 answers of 0.1 s each took as long as 1

local net = require "weft.net"
local weft = require "weft"

local WORDS = { "one", "two", "three", "four", "five" }
local NUMBERS = { one = 1, two = 2, three = 3, four = 4, five = 5 }

-- The server: reads a word, thinks for 0.1 s, answers with a line.
local listener = net.listen { host = "127.0.0.1", port = 0 } -- any free port
weft.spawn("server", listener.serve, listener, function(stream)
  local word = stream:read_line()
  weft.sleep(0.1)
  stream:write(NUMBERS[word] .. " little fish\n")
end)

local port = listener:port()

local function fetch(word)
  local stream = net.connect { host = "127.0.0.1", port = port }
  return weft.with(stream, function() -- closes it on every way out
    stream:write(word, "\n")
    return stream:read_line()
  end)
end

-- map calls a function for each item of a list, all at the same time.
local began = weft.now()
local answers = weft.map(WORDS, fetch)
local took = weft.now() - began

for i, answer in ipairs(answers) do print(WORDS[i] .. ": " .. answer) end
print("5 answers of 0.1 s each took as long as " .. math.floor(took / 0.1))
listener:close()
