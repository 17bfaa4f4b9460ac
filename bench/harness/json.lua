--- Writes JSON that people read too: keys in order, a short list in a line.

local json = {}

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(char)
    return escapes[char] or ("\\u%04x"):format(char:byte())
  end) .. '"'
end

local function scalar(value)
  if type(value) == "string" then return quote(value) end
  if type(value) == "number" then return ("%.14g"):format(value) end
  return tostring(value)
end

local function is_list(value) return value[1] ~= nil or next(value) == nil end

local write -- in turn with the next two

local function short(list)
  local parts = {}
  for i, value in ipairs(list) do
    if type(value) == "table" then return nil end
    parts[i] = scalar(value)
  end
  local text = "[" .. table.concat(parts, ", ") .. "]"
  return #text <= 70 and text or nil
end

-- What is between the brackets, a line each.
local function lines(parts, open, close, indent)
  if #parts == 0 then return open .. close end
  local inner = indent .. "  "
  return open .. "\n" .. inner .. table.concat(parts, ",\n" .. inner) .. "\n"
    .. indent .. close
end

function write(value, indent)
  if type(value) ~= "table" then return scalar(value) end
  local parts, inner = {}, indent .. "  "
  if is_list(value) then
    if short(value) then return short(value) end
    for i, item in ipairs(value) do parts[i] = write(item, inner) end
    return lines(parts, "[", "]", indent)
  end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = quote(key) .. ": " .. write(value[key], inner)
  end
  return lines(parts, "{", "}", indent)
end

--- The text of a table of strings, numbers, booleans and tables; an empty
-- table is a list.
---@param value table
---@return string
function json.encode(value) return write(value, "") .. "\n" end

return json
