--- Iterators: what stands for a row of items, a list or what gives the next
-- ones each time it is called.
-- @module weft.iterator

local callable = require "weft.callable"
local errors = require "weft.error"
local generator = require "weft.generator"

local iterator = {}

-- The items of a list, nils within it included.
local function over_list(list)
  local i, count = 0, list.n or #list
  return function()
    i = i + 1
    if i <= count then return list[i] end
  end
end

--- A function that gives the next item of a list or iterator; nil at the end.
-- `what` names the argument where it is none of these.
---@param items table|function
---@param what string
---@param level number?
function iterator.over(items, what, level)
  if generator.is_maker(items) then
    generator.fail_uncalled((level or 2) + 1)
  end
  if callable.is(items) then return items end
  if type(items) == "table" then return over_list(items) end
  errors.fail_argument(what .. " must be a list or an iterator, got "
    .. errors.shown(items), (level or 2) + 1)
end

return iterator
