--- Several resources: entered in order, left in reverse, however many they are.
--
--   weft examples/26_resources_together.lua
--
-- It prints
--   + pool
--   + connection
--   working with pool and connection
--   - connection
--   - pool
--   + pool
--   - pool
--   failed: no connection left
--   + file 1
--   + file 2
--   merged: file 1, file 2
--   temporary file removed
--   - file 2
--   - file 1

local weft = require "weft"

local use = weft.context(function(yield, name)
  if name == "missing" then error("no connection left", 0) end
  print("+ " .. name)
  weft.finally(function() yield(name) end, function() print("- " .. name) end)
end)

weft.with(use "pool", use "connection", function(pool, connection)
  print(("working with %s and %s"):format(pool, connection))
end)

-- If one cannot be entered, those before it are left again.
local _, err = weft.try(weft.with, use "pool", use "missing", print)
print("failed: " .. err.message)

-- How many there are may show only on the way: a stack takes what is to be left
-- at its end, resources and plain calls alike.
weft.stack(function(stack)
  local names = {}
  for i = 1, 2 do names[i] = stack:enter(use("file " .. i)) end
  stack:defer(print, "temporary file removed")
  print("merged: " .. table.concat(names, ", "))
end)
