--- Values as text for a person: strings quoted, tables one level deep, with
-- their names in order.
-- @module weft.show

local entries = require "weft.entries"
local errors = require "weft.error"

local show = {}

local COLUMNS = 76 -- of a table on one line
local FIELDS_MAX = 50
local STRING_MAX = 10000

local escapes = {
  ["\a"] = "\\a", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t", ["\v"] = "\\v", ["\\"] = "\\\\",
  ["\""] = "\\\"",
}

local function escape(byte)
  return escapes[byte] or ("\\%03d"):format(byte:byte())
end

local function shown_string(text)
  local cut = #text - STRING_MAX
  local body = text:sub(1, STRING_MAX):gsub("[%z\1-\31\127\\\"]", escape)
  return "\"" .. body .. "\"" .. (cut > 0 and (" (%d bytes more)"):format(cut)
    or "")
end

-- A value inside a table.
local function shown_inside(value)
  if type(value) == "string" then return shown_string(value) end
  local metatable = type(value) == "table" and getmetatable(value)
  if type(value) == "table" and not metatable then
    return next(value) == nil and "{}" or "{...}"
  end
  local ok, text = pcall(tostring, value)
  return ok and text or "(" .. type(value) .. ")"
end

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local
  nil not or repeat return then true until while]]):gmatch "%l+" do
  keywords[word] = true
end

local function shown_key(key)
  if type(key) ~= "string" then return "[" .. shown_inside(key) .. "]" end
  if key:find "^[%a_][%w_]*$" and not keywords[key] then return key end
  return "[" .. shown_string(key) .. "]"
end

-- By kind, then by their order.
local function is_before(a, b)
  local kind_a, kind_b = type(a), type(b)
  if kind_a ~= kind_b then return kind_a < kind_b end
  if kind_a == "number" or kind_a == "string" then return a < b end
  return tostring(a) < tostring(b)
end

local function fields_of(value)
  local fields, keys = {}, {}
  for i = 1, #value do fields[i] = shown_inside(rawget(value, i)) end
  local count = #fields
  for key in entries(value) do
    local is_item = type(key) == "number" and key % 1 == 0 and key >= 1
      and key <= count
    if not is_item then keys[#keys + 1] = key end
  end
  table.sort(keys, is_before)
  for _, name in ipairs(keys) do
    fields[#fields + 1] = shown_key(name) .. " = "
      .. shown_inside(rawget(value, name))
  end
  return fields
end

local function shown_table(value)
  local fields = fields_of(value)
  if #fields == 0 then return "{}" end
  local more = #fields - FIELDS_MAX
  if more > 0 then
    for i = #fields, FIELDS_MAX + 1, -1 do fields[i] = nil end
    fields[FIELDS_MAX + 1] = ("... %d more"):format(more)
  end
  local line = "{ " .. table.concat(fields, ", ") .. " }"
  if #line <= COLUMNS and more <= 0 then return line end
  return "{\n  " .. table.concat(fields, ",\n  ") .. "\n}"
end

--- The text of one value.
---@param value any
---@return string
function show.value(value)
  if type(value) == "string" then return shown_string(value) end
  if errors.is_error(value) then return tostring(value) end
  if type(value) ~= "table" or getmetatable(value) then
    return shown_inside(value)
  end
  return shown_table(value)
end

--- The text of `count` values, one a line if any of them takes several.
function show.values(count, ...)
  local texts, separator = {}, ", "
  for i = 1, count do
    texts[i] = show.value((select(i, ...)))
    if texts[i]:find("\n", 1, true) then separator = "\n" end
  end
  return table.concat(texts, separator)
end

return show
