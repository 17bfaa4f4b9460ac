--- Many at once, and some fail: stop at the first failure, or keep them all.
--
--   weft examples/05_gather_with_errors.lua
--
-- It prints
--   the slow one was stopped
--   gather: Error: no bread
--   kept: butter, Error: no bread, coffee

local weft = require "weft"

local function bring(what, seconds)
  return function()
    weft.sleep(seconds)
    if what == "bread" then error("no bread", 0) end
    return what
  end
end

local function slow()
  weft.finally(function() weft.sleep(60) end,
    function() print "the slow one was stopped" end)
end

-- The first failure cancels the others; once they have ended, it is raised.
-- try turns what is raised into Lua's `nil, err`.
local _, err = weft.try(weft.gather, { bring("bread", 0.01), slow })
print("gather: " .. tostring(err))

-- With return_errors all of them run to their ends, and an error stands in the
-- place of the result.
local results = weft.gather({
  bring("butter", 0.02), bring("bread", 0.01), bring("coffee", 0.01),
}, { return_errors = true })
print("kept: " .. table.concat(weft.collect(results, tostring), ", "))
