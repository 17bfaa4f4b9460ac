--- A cache: loaded once, however many ask for it at the same time.
--
--   weft examples/37_cache.lua
--
-- It prints
--   loading ann
--   loading bob
--   5 answers of 2 loads: ann bob ann ann bob
--   still known: ann
--   loading ann
--   loaded anew: ann

local weft = require "weft"

local loads = 0
local users = weft.cache(function(id)
  print("loading " .. id)
  loads = loads + 1
  weft.sleep(0.01) -- a query
  return { name = id }
end, { ttl = 60, max = 1000 }) -- for a minute; no more than 1000 users

local function name_of(id) return users:get(id).name end

-- Without it, five who come at the same time would load five times. Here the
-- first one's load is everybody's, and belongs to none of them: if one is
-- cancelled, the others still get it.
local names = weft.map({ "ann", "bob", "ann", "ann", "bob" }, name_of)
print(("%d answers of %d loads: %s"):format(#names, loads,
  table.concat(names, " ")))

print("still known: " .. name_of "ann")

users:invalidate "ann"
print("loaded anew: " .. name_of "ann")
