--- The first program: it says something, waits, and says something else.
--
--   weft examples/01_hello.lua
--
-- It prints
--   hello
--   world

local weft = require "weft"

-- The `weft` program runs a script in a task, so it may wait anywhere.
print "hello"
weft.sleep(0.1) -- seconds
print "world"
