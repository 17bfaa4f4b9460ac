--- The loop over a table's entries that stands wherever `pairs` would.
--
-- LuaJIT knows `pairs` and `next` by their names where it reads a `for`, and
-- makes instructions of their own of the loop. Debian 12's compiler may lose
-- its place in such a loop, and in a finaliser may never leave it: see
-- docs/dependencies.md. By another name it is a loop like any other.
-- @module weft.entries

--- Loops over all entries of `map`, in no order, as `pairs` does.
---@param map table
---@return function, table
local function entries(map) return next, map end

return entries
