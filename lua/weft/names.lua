--- What loaded modules offer, by name: for copying to other threads, where it
-- is that thread's own.
-- @module weft.names

local entries = require "weft.entries"

local names = {}

local loaded = package.loaded
local WEAK_KEYS, WEAK_VALUES = { __mode = "k" }, { __mode = "v" }

-- Module -> its name; its function -> a list of that and its own name.
local map
-- What was loaded when the map was made, as `next` gives it: nothing else tells
-- at this price that it still is so. LuaJIT compiles the loop.
local seen, seen_count = {}, -1

local function is_current()
  local count = 0
  for _, value in entries(loaded) do
    count = count + 1
    if seen[count] ~= value then return false end
  end
  return count == seen_count
end

-- Of the globals only the library's own: those of a script are not elsewhere.
local function add_functions(name, module)
  for field, value in entries(module) do
    if type(value) == "function" and type(field) == "string" and not map[value]
        and (name ~= "_G" or debug.getinfo(value, "S").what == "C") then
      map[value] = { name, field }
    end
  end
end

local function make()
  map = setmetatable({}, WEAK_KEYS)
  seen, seen_count = setmetatable({}, WEAK_VALUES), 0
  for name, value in entries(loaded) do
    seen_count = seen_count + 1
    seen[seen_count] = value
    local kind = type(name) == "string" and type(value)
    if kind == "table" or kind == "function" then map[value] = name end
    if kind == "table" then add_functions(name, value) end
  end
end

--- The map: it is made anew when other modules have been loaded.
---@return table
function names.map()
  if not is_current() then make() end
  return map
end

return names
