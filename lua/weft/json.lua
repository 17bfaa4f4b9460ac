--- JSON: text to Lua values and back.
-- lua-cjson reads. It does not write: it keeps 14 digits of a number only, and
-- cannot make an empty array. What Lua's tables cannot say is said so: `null`
-- stands for JSON's null, and a table made by `array` is an array when it is
-- empty, too. An empty array that was read is such a table, so what was read
-- can be written again.
-- @module weft.json

local cjson = require("cjson").new()
local entries = require "weft.entries"
local errors = require "weft.error"

local json = {}

-- In LuaJIT a C stack of its own is used for each level.
local DEPTH_MAX = 1000

cjson.decode_max_depth(DEPTH_MAX)
cjson.decode_invalid_numbers(false)

--- What JSON's null is read as and written from, for nil is no item of a table.
json.null = cjson.null

--- The error of a text that is no JSON; `position` is where that shows.
json.JSONError = errors.error_class "JSONError"

local Array = { __name = "weft.json.Array" }

--- Marks `list` (default a new one) as an array; returns it. Only an empty one
-- needs that: `{}` alone is written as an object.
---@param list table?
---@return table
function json.array(list)
  if list ~= nil and type(list) ~= "table" then
    errors.fail_argument("json.array(list): list must be a table, got "
      .. type(list))
  end
  return setmetatable(list or {}, Array)
end

-- -- Reading ----------------------------------------------------------------

-- What stands in an empty array while cjson reads it; no text can know it.
local MARK = "weft.json: empty " .. tostring({})

-- The position after the string that begins at `first`.
local function skip_string(text, first)
  local _, last = text:find('^"[^"\\]*"', first)
  if last then return last + 1 end
  local at = first + 1
  while true do
    at = text:find('["\\]', at)
    if not at then return #text + 1 end
    if text:byte(at) == 34 then return at + 1 end
    at = at + 2
  end
end

-- The text with a mark in every empty array, or nil if there is none.
local function mark_empty(text)
  if not text:find "%[%s*%]" then return nil end
  local pieces, from, at = {}, 1, 1
  while true do
    at = text:find('["%[]', at)
    if not at then break end
    local _, last = text:find("^%[%s*%]", at)
    if last then
      pieces[#pieces + 1] = text:sub(from, at) .. '"' .. MARK .. '"'
      from, at = last, last + 1
    elseif text:byte(at) == 34 then
      at = skip_string(text, at)
    else
      at = at + 1
    end
  end
  pieces[#pieces + 1] = text:sub(from)
  return table.concat(pieces)
end

local function restore_empty(value)
  if type(value) ~= "table" then return value end
  if value[1] == MARK then return json.array() end
  for key, item in entries(value) do
    if type(item) == "table" then value[key] = restore_empty(item) end
  end
  return value
end

local function fail_decode(text, message)
  local what = message:gsub("T_(%u+)", function(name) return name:lower() end)
  local position = tonumber(what:match "character (%d+)")
  error(json.JSONError("not JSON: " .. what, {
    position = position and math.min(position, #text + 1),
  }), 0)
end

--- Reads a JSON text; raises a JSONError if it is none. Numbers become Lua's,
-- which are exact up to 2^53.
---@param text string
---@return any
function json.decode(text)
  if type(text) ~= "string" then
    errors.fail_argument("json.decode(text): text must be a string, got "
      .. type(text))
  end
  local ok, value = pcall(cjson.decode, text)
  if not ok then fail_decode(text, value) end
  local marked = mark_empty(text)
  return marked and restore_empty(cjson.decode(marked)) or value
end

-- -- Writing ----------------------------------------------------------------

local SHORT = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f",
  ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(character)
  return SHORT[character] or ("\\u%04x"):format(character:byte())
end

local function fail_encode(what, path)
  local where = #path == 0 and "" or " at " .. table.concat(path)
  errors.fail_argument("json.encode(value): " .. what .. where)
end

-- Fewest digits that give the same number again.
local function encode_number(number, out, path)
  if number ~= number or number == math.huge or number == -math.huge then
    fail_encode("JSON has no " .. tostring(number), path)
  end
  local text
  for digits = 15, 17 do
    text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then break end
  end
  if number == math.floor(number) and math.abs(number) < 2 ^ 53 then
    text = ("%.0f"):format(number)
  end
  out[#out + 1] = text
end

-- Where UTF-8 goes wrong, as RFC 3629 has it; nil if it does not.
local function find_invalid(text)
  local at = text:find "[\128-\255]"
  while at do
    local first, second = text:byte(at, at + 1)
    local length = first >= 0xF0 and 4 or first >= 0xE0 and 3 or 2
    local least = first == 0xE0 and 0xA0 or first == 0xF0 and 0x90 or 0x80
    local most = first == 0xED and 0x9F or first == 0xF4 and 0x8F or 0xBF
    if first < 0xC2 or first > 0xF4 or not second
      or second < least or second > most then
      return at
    end
    local rest = text:sub(at + 2, at + length - 1)
    if #rest < length - 2 or rest:find "[^\128-\191]" then return at end
    at = text:find("[\128-\255]", at + length)
  end
end

local function encode_string(text, out, path)
  local bad = find_invalid(text)
  if bad then
    fail_encode("a string is not UTF-8 from its byte " .. bad, path)
  end
  out[#out + 1] = '"' .. text:gsub('[%z\1-\31"\\\127]', escape) .. '"'
end

local encode_value

local function encode_array(list, count, out, path)
  out[#out + 1] = "["
  for i = 1, count do
    if i > 1 then out[#out + 1] = "," end
    path[#path + 1] = "[" .. i .. "]"
    encode_value(list[i], out, path)
    path[#path] = nil
  end
  out[#out + 1] = "]"
end

-- Sorted, so that equal tables are equal texts.
local function encode_object(object, keys, out, path)
  table.sort(keys)
  out[#out + 1] = "{"
  for i, key in ipairs(keys) do
    if i > 1 then out[#out + 1] = "," end
    encode_string(key, out, path)
    out[#out + 1] = ":"
    path[#path + 1] = "." .. key
    encode_value(object[key], out, path)
    path[#path] = nil
  end
  out[#out + 1] = "}"
end

-- The keys that are strings, and how many others there are.
local function keys_of(value)
  local keys, others = {}, 0
  for key in entries(value) do
    if type(key) == "string" then keys[#keys + 1] = key
    else others = others + 1 end
  end
  return keys, others
end

local function encode_table(value, out, path)
  if #path >= DEPTH_MAX then
    errors.fail_argument("json.encode(value): more than " .. DEPTH_MAX
      .. " levels; does a table contain itself?")
  end
  local keys, others = keys_of(value)
  local count = #value
  if others ~= count or (count > 0 and #keys > 0) then
    fail_encode("a table must be a list without gaps, or have strings as keys",
      path)
  end
  if count > 0 or (#keys == 0 and getmetatable(value) == Array) then
    return encode_array(value, count, out, path)
  end
  encode_object(value, keys, out, path)
end

function encode_value(value, out, path)
  local kind = type(value)
  if kind == "string" then encode_string(value, out, path)
  elseif kind == "number" then encode_number(value, out, path)
  elseif kind == "boolean" then out[#out + 1] = tostring(value)
  elseif value == json.null then out[#out + 1] = "null"
  elseif kind == "table" then encode_table(value, out, path)
  else fail_encode("JSON has no " .. kind, path) end
end

--- Writes a value as JSON: lists as arrays, tables with strings as keys as
-- objects, sorted by key. What JSON cannot say, strings that are not UTF-8
-- among it, is an ArgumentError that tells
-- where it stands.
---@param value any
---@return string
function json.encode(value)
  local out = {}
  encode_value(value, out, {})
  return table.concat(out)
end

return json
