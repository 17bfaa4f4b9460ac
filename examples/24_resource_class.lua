--- A resource as a class: entered, used, and left again whatever happens.
--
--   weft examples/24_resource_class.lua
--
-- It prints
--   begin
--   commit
--   42 horses
--   begin
--   roll back (QueryError: there are no unicorns)
--   the caller sees QueryError
--   begin
--   roll back (CancelledError: cancelled by deadline)
--   the caller sees TimeoutError

local weft = require "weft"

local QueryError = weft.error_class "QueryError"

-- Whatever has the methods enter and exit is a resource.
local Transaction = {}
Transaction.__index = Transaction

local function transaction() return setmetatable({}, Transaction) end

-- What enter returns is what the function of `with` gets.
function Transaction:enter()
  weft.sleep(0.005)
  print "begin"
  return self
end

-- Called on every way out, with the error in flight or nil. It may wait, even
-- in code that is cancelled: it runs in a shield.
function Transaction:exit(err)
  weft.sleep(0.005)
  print(err and ("roll back (%s)"):format(tostring(err)) or "commit")
end

function Transaction:count(what)
  if what == "stars" then weft.sleep(60) end
  if what == "unicorns" then error(QueryError "there are no unicorns") end
  return 42
end

local function count(what)
  return weft.with(transaction(), function(t) return t:count(what) end)
end

print(count "horses" .. " horses")
local _, err = weft.try(count, "unicorns")
print("the caller sees " .. err.name)
_, err = weft.try(weft.timeout, 0.02, function() count "stars" end)
print("the caller sees " .. err.name)
