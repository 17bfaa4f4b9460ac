--- A barrier: nobody begins the next round before all have done this one.
--
--   weft examples/23_barrier.lua
--
-- It prints
--   round 1: amy in, bea in, cid in
--   round 2: amy in, bea in, cid in

local weft = require "weft"

local SECONDS = { amy = 0.005, bea = 0.01, cid = 0.015 }
local barrier = weft.barrier(3)
local came = {}

local function walk(name)
  for round = 1, 2 do
    weft.sleep(SECONDS[name])
    table.insert(came, name .. " in")
    if barrier:wait() == 0 then -- an index for each: here, who writes it down
      print(("round %d: %s"):format(round, table.concat(came, ", ")))
      came = {}
    end
  end
end

weft.group(function(group)
  for name in pairs(SECONDS) do group:spawn(walk, name) end
end)
