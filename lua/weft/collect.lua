--- Collecting: what an iterator gives, in a table. The comprehension of Lua.
-- @module weft.collect

local generator = require "weft.generator"
local iterator = require "weft.iterator"
local scope = require "weft.scope"

local collect = {}

-- Calls take(values...) for all that `iter` gives. A generator that is left
-- early, by an error of `take`, is closed.
local function each(iter, call, take)
  local next_values = iterator.over(iter, call .. ": iter", 3)
  local function draw(first, ...)
    if first == nil then return false end
    take(first, ...)
    return true
  end
  local function run()
    while draw(next_values()) do end
  end
  if not generator.is_generator(iter) then return run() end
  generator.closing(iter, run)
end

--- A list of what `iter` gives: the first of its values each time, or what
-- `fn(values...)` makes of them; a nil of fn's is left out. Parks as the
-- iterator and fn do. An error of either goes on; a generator is then closed.
---@param iter table|function|weft.Generator a list or an iterator
---@param fn function?
---@return table
function collect.collect(iter, fn)
  if fn ~= nil then scope.check_function(fn, "collect(iter, fn): fn") end
  local list, count = {}, 0
  each(iter, "collect(iter, fn)", function(...)
    local value = ...
    if fn then value = fn(...) end
    if value == nil then return end
    count = count + 1
    list[count] = value
  end)
  return list
end

--- A table of what `iter` gives: the key and value that `fn(values...)` makes
-- of it, without fn the first two values. A nil key is left out. Parks and
-- fails as collect.
---@param iter table|function|weft.Generator a list or an iterator
---@param fn (fun(...): any, any)?
---@return table
function collect.collect_map(iter, fn)
  if fn ~= nil then scope.check_function(fn, "collect_map(iter, fn): fn") end
  local map = {}
  each(iter, "collect_map(iter, fn)", function(...)
    local key, value = ...
    if fn then key, value = fn(...) end
    if key ~= nil then map[key] = value end
  end)
  return map
end

return collect
