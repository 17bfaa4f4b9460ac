--- Completing what was typed at the prompt: globals, fields and methods of what
-- is there, and the words of the language.
--
-- Nothing is called but an `__index` that is a table: to complete must have no
-- effect.
-- @module weft.prompt.complete

local entries = require "weft.entries"

local complete = {}

local WORDS = { "and", "break", "do", "else", "elseif", "end", "false", "for",
  "function", "if", "in", "local", "nil", "not", "or", "repeat", "return",
  "then", "true", "until", "while" }

-- The tables in which a field of the value is looked up, nearest first; a table
-- that loads its fields when they are asked for says which there are.
local function places(value)
  local list, seen = {}, {}
  if type(value) == "string" then value = string end
  while type(value) == "table" or type(value) == "userdata" do
    if seen[value] then break end
    seen[value] = true
    if type(value) == "table" then list[#list + 1] = value end
    local metatable = debug.getmetatable(value)
    if metatable then list[#list + 1] = rawget(metatable, "lazy") end
    value = metatable and rawget(metatable, "__index")
  end
  return list
end

local function field_of(value, name)
  for _, place in ipairs(places(value)) do
    local found = rawget(place, name)
    if found ~= nil then return found end
  end
  return nil
end

-- The value that a path of names as "weft.fs" leads to.
local function resolve(path)
  local value = _G
  for name in path:gmatch "[%a_][%w_]*" do
    value = field_of(value, name)
    if value == nil then return nil end
  end
  return value
end

local function add_names(names, place, begin, only_functions)
  for name, value in entries(place) do
    if type(name) == "string" and name:find "^[%a_][%w_]*$"
        and name:sub(1, #begin) == begin
        and (not only_functions or type(value) == "function") then
      names[name] = true
    end
  end
end

local function add_words(names, begin)
  for _, word in ipairs(WORDS) do
    if word:sub(1, #begin) == begin then names[word] = true end
  end
end

local function sorted(names, prefix)
  local list = {}
  for name in entries(names) do list[#list + 1] = prefix .. name end
  table.sort(list)
  return list
end

--- What the end of `text` may be completed to; each is what may stand in the
-- place of the word that it ends with, which reaches back over "." and ":".
-- That word is the second result.
---@param text string
---@return string[], string
function complete.complete(text)
  local word = text:match "[%w_.:]*$"
  local path, separator, begin = word:match "^(.*)([.:])([%w_]*)$"
  local names = {}
  if not path then
    add_names(names, _G, word, false)
    add_words(names, word)
    return sorted(names, ""), word
  end
  local value = path ~= "" and resolve(path) or nil
  for _, place in ipairs(places(value)) do
    add_names(names, place, begin, separator == ":")
  end
  return sorted(names, path .. separator), word
end

return complete
