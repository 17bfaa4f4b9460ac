--- A resource as a function: before its yield it enters, after it it leaves.
--
--   weft examples/25_resource_function.lua
--
-- It prints
--   open notes
--   close notes, 2 lines
--   written: first, second
--   open diary
--   close diary, 0 lines
--   the caller sees Error: out of ink
--   fetch: TimeoutError
--   lost: nothing but a warning

local weft = require "weft"

-- The value of the yield is what the function of `with` gets. An error of that
-- function is raised at the yield, so cleanup that must run goes in a finally.
local open = weft.context(function(yield, name)
  print("open " .. name)
  local lines = {}
  weft.finally(function() yield(lines) end, function()
    weft.sleep(0.005)
    print(("close %s, %d lines"):format(name, #lines))
  end)
end)

local lines = weft.with(open "notes", function(lines)
  table.insert(lines, "first")
  table.insert(lines, "second")
  return lines
end)
print("written: " .. table.concat(lines, ", "))

local _, err = weft.try(weft.with, open "diary", function()
  error("out of ink", 0)
end)
print("the caller sees " .. tostring(err))

-- A scope around the yield governs the code in between: a timeout with a name.
local patience = weft.context(function(yield)
  weft.timeout(0.01, function() yield() end)
end)
_, err = weft.try(weft.with, patience(), function() weft.sleep(60) end)
print("fetch: " .. err.name)

-- To return after an error was raised at the yield is to handle it.
local tolerance = weft.context(function(yield)
  local _, problem = weft.try(yield)
  if problem then print("lost: " .. problem.message) end
end)
weft.with(tolerance(), function() error("nothing but a warning", 0) end)
