--- What can be called: a function, or a table whose metatable says how, as the
-- spies and stubs of tests are.
-- @module weft.callable

local callable = {}

--- Whether `x(...)` calls something.
---@param x any
---@return boolean
function callable.is(x)
  if type(x) == "function" then return true end
  local metatable = type(x) == "table" and getmetatable(x)
  return type(metatable) == "table" and metatable.__call ~= nil
end

return callable
