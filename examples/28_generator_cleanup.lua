--- A generator with cleanup: what it opened is closed, however it ends.
--
--   weft examples/28_generator_cleanup.lua
--
-- It prints
--   opened
--   to be
--   or not to be
--   closed
--   opened
--   to be
--   closed
--   the caller sees: Error: I forgot my text
--   opened
--   closed
--   the caller sees: Error: the page is torn

local weft = require "weft"

local read_lines = weft.generator(function(yield, lines)
  print "opened"
  weft.finally(function()
    for _, line in ipairs(lines) do
      weft.sleep(0.005)
      if line == "" then error("the page is torn", 0) end
      yield(line)
    end
  end, function()
    weft.sleep(0.005) -- cleanup may wait, too
    print "closed"
  end)
end)

-- Runs to its end.
for line in read_lines { "to be", "or not to be" } do print(line) end

-- The loop fails: closing closes the generator on every way out.
local function recite(lines)
  weft.closing(read_lines(lines), function(gen)
    for line in gen do
      print(line)
      error("I forgot my text", 0)
    end
  end)
end
local _, err = weft.try(recite, { "to be", "or not to be" })
print("the caller sees: " .. tostring(err))

-- The generator itself fails: its error is raised in the loop.
_, err = weft.try(recite, { "" })
print("the caller sees: " .. tostring(err))
