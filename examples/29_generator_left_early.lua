--- A generator that is left early: whoever made it owns it, and closes it.
--
--   weft examples/29_generator_left_early.lua
--
-- It prints
--   broken: took 2
--   and it is still open
--   closing: took 2
--   - closed
--   after closing
--   scope: took 2
--   - closed
--   after the scope
--   task: took 2
--   - closed
--   after the task
--   the end of the script
--   - closed

local weft = require "weft"

-- Something that has to be closed in the end.
local count = weft.generator(function(yield)
  local n = 0
  weft.finally(function()
    while true do
      n = n + 1
      yield(n)
    end
  end, function() print "- closed" end)
end)

local function take_two(what, gen)
  for n in gen do
    if n == 2 then break end
  end
  print(what .. ": took 2")
end

-- Lua tells nobody that a loop was left by break. The generator is closed all
-- the same, with the task that made it: here at the end of the script.
take_two("broken", count())
print "and it is still open"

-- To have it closed at once, say where it ends.
weft.closing(count(), function(gen) take_two("closing", gen) end)
print "after closing"

-- Or make it in a scope, a group or a task: it ends with that.
weft.scope(function() take_two("scope", count()) end)
print "after the scope"

weft.spawn(function() take_two("task", count()) end):await()
print "after the task"

print "the end of the script"
