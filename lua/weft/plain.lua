--- Large tables of plain values, on their way to another thread.
--
-- string.buffer writes a table thirty times faster than a walk by Lua's API
-- does (pack.c). But it writes a table as often as it is met, and no metatable.
-- So this looks first, by loops that LuaJIT compiles, whether there is any.
-- Tables that were met get a metatable meanwhile, as a mark: a set of a hundred
-- thousand costs three times the rest. What is written goes to the C side by
-- its address: a string of megabytes would be copied once more.
-- @module weft.plain

local ffi = require "ffi"
local buffer = require "string.buffer"
local entries = require "weft.entries"

local plain = {}

local getmetatable, setmetatable = getmetatable, setmetatable
local type = type

local KEPT_MAX = 16 * 1024 * 1024 -- bytes: a larger buffer is given back

-- A finaliser may pack or unpack while they are in use: then it packs the slow
-- way, and unpacks by a buffer of its own.
local written, read = buffer.new(), buffer.new()
local is_written = false

local MARK = {} -- the metatable of what was met

local function is_key(key)
  local kind = type(key)
  return kind == "string" or kind == "number" or kind == "boolean"
end

-- In the list first: what is in it is unmarked, whatever is raised.
local function mark(t, list, count)
  list[count] = t
  setmetatable(t, MARK)
  return count
end

local function unmark(list)
  for i = 1, #list do setmetatable(list[i], nil) end
end

-- Adds the tables in `t` to `list`, of which there are `count`; returns how
-- many there are then, nil if something in `t` is not plain or was met before.
local function look_at(t, list, count, names)
  for key, value in entries(t) do
    if not is_key(key) then return nil end
    local kind = type(value)
    if kind == "table" then
      if getmetatable(value) ~= nil or names[value] then return nil end
      count = mark(value, list, count + 1)
    elseif kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
      return nil
    end
  end
  return count
end

-- Whether `root` and all in it are plain, and not in `list`, to which they are
-- added.
local function look_into(root, list, names)
  if getmetatable(root) ~= nil then return false end
  local at = #list + 1
  local count = mark(root, list, at)
  while at <= count do
    count = look_at(list[at], list, count, names)
    if not count then return false end
    at = at + 1
  end
  return true
end

--- For the C side: writes `value`; returns where, as a number, and how many
-- bytes. nil if there is anything in it but numbers, strings, booleans and
-- tables like it without a metatable, or one twice, or one that is in `names`,
-- or it is nested deeper than string.buffer goes. What was written lasts until
-- plain.forget.
---@param value table
---@param names table
---@return number? address
---@return number? size
function plain.write(value, names)
  if is_written then return nil end
  local list = {}
  local ok, is_plain = pcall(look_into, value, list, names)
  unmark(list)
  if not ok or not is_plain or is_written then return nil end
  if not pcall(written.encode, written:reset(), value) then return nil end
  is_written = true
  local address, size = written:ref()
  return tonumber(ffi.cast("uintptr_t", address)), size
end

--- For the C side, when it has copied what was written.
function plain.forget()
  is_written = false
  if #written > KEPT_MAX then written:free() else written:reset() end
end

--- For the C side: the value that was written, from its copy.
---@param address number
---@param size number
function plain.read(address, size)
  local own = read or buffer.new()
  read = nil
  local value = own:set(ffi.cast("const char *", address), size):decode()
  read = own
  return value
end

local function are_apart(roots, others, list)
  for i = 1, #roots do
    if not look_into(roots[i], list, {}) then return false end
  end
  for other in entries(others) do
    if type(other) == "table" and getmetatable(other) == MARK then
      return false
    end
  end
  return true
end

--- For the C side: whether no table is in two of `roots`, which were written,
-- nor in one of them and a key of `others`.
---@param roots table[]
---@param others table
---@return boolean
function plain.are_apart(roots, others)
  local list = {}
  local ok, apart = pcall(are_apart, roots, others, list)
  unmark(list)
  return ok and apart
end

return plain
