--- The first program: two things at the same time.
--
--   weft examples/01_hello.lua
--
-- It prints "hello", and what two tasks say, in turn:
--   hello
--   ping
--   pong
--   ping
--   pong
--   done

local weft = require "weft"

-- Says `word` twice. A call that waits, such as yield, lets the others run;
-- between two such calls nobody can interrupt.
local function say_twice(word)
  for _ = 1, 2 do
    print(word)
    weft.yield()
  end
end

print "hello"
weft.group(function(group) -- goes on when both have ended
  group:spawn(say_twice, "ping")
  group:spawn(say_twice, "pong")
end)
print "done"
