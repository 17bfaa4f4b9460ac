--- Reading: the methods that streams and files have in common.
--
-- Each waits for as long as it takes: put it in a timeout. A call that is
-- cancelled has taken no byte.
-- @module weft.reading

local codes = require "weft.codes"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local options = require "weft.options"

local fail, fail_argument = errors.fail, errors.fail_argument

local reading = {}

local EEND, EINCOMPLETE = codes.EEND, codes.EINCOMPLETE
local EOVERRUN = codes.EOVERRUN
-- What may precede a separator, unless the caller says otherwise.
local LIMIT = 64 * 1024
local COUNT_MAX = 2 ^ 53

--- Raises ArgumentError unless `n` is a whole number of at least `least`.
-- `call` is who needs it: "stream:read(n): n".
---@param n any
---@param least number
---@param call string
---@param level number? whose stack the error shows: 2, the caller's caller
function reading.check_count(n, least, call, level)
  if type(n) ~= "number" or not (n >= least and n < COUNT_MAX)
    or n % 1 ~= 0 then
    fail_argument(("%s must be a whole number of at least %d, "
      .. "got %s"):format(call, least, errors.shown(n)), (level or 2) + 1)
  end
end

-- The code and what it comes with, or nil and the bytes. Looks at no byte
-- twice.
local function read_until(self, sep, limit, strip)
  local from, code, bytes, seen = 0
  repeat
    code, bytes, seen = core.read_until(self[1], sep, limit, from, strip)
    if code == false then
      code, bytes, seen = core.read_until(self[1], sep, limit, from, strip,
        true)
    end
    from = seen
  until not seen
  return code, bytes
end

local function fail_until(self, call, code, detail, limit)
  if code == EOVERRUN then
    fail(code, ("%s:%s: no separator within %s bytes, the limit"):format(
      self.noun, call, limit), { consumed = detail })
  end
  if code ~= EINCOMPLETE then self:fail_read(call, code) end
  fail(code, ("the %s ended after %d bytes, before the separator"):format(
    self.noun, #detail), { partial = detail })
end

local LIMIT_KIND = options.count(0, true)

local function check_limit(self, call, limit)
  options.expect(("%s:%s: limit"):format(self.noun, call), LIMIT_KIND, limit, 3)
end

--- core.read_exactly, which parks.
---@param socket userdata
---@param n number
function reading.exactly(socket, n)
  local code, bytes = core.read_exactly(socket, n)
  if code == false then return core.read_exactly(socket, n, true) end
  return code, bytes
end

-- -- The methods -------------------------------------------------------------

local Reading = {}

--- Reads `n` bytes. Raises IncompleteReadError, with `partial` and `expected`,
-- if the end comes first; what there was has then been read. Parks.
---@param n number
---@return string
function Reading:read_exactly(n)
  reading.check_count(n, 0, self.noun .. ":read_exactly(n): n")
  local code, bytes = reading.exactly(self[1], n)
  if not code then return bytes end
  if code ~= EINCOMPLETE then self:fail_read("read_exactly", code) end
  fail(code, ("the %s ended after %d of %d bytes"):format(self.noun, #bytes, n),
    { partial = bytes, expected = n })
end

--- Reads up to the first `sep`, which is part of the result. If more than
-- `limit` bytes (default 64 KiB) precede it, raises LimitOverrunError and reads
-- nothing: the first `consumed` bytes then hold no part of it. If the end
-- comes first, raises IncompleteReadError with `partial`. Parks.
---@param sep string
---@param limit number?
---@return string
function Reading:read_until(sep, limit)
  if limit == nil then limit = LIMIT end
  if type(sep) ~= "string" or sep == "" then
    fail_argument(self.noun .. ":read_until(sep, limit): sep must be a string "
      .. "that is not empty, got " .. errors.shown(sep))
  end
  check_limit(self, "read_until(sep, limit)", limit)
  local code, bytes = read_until(self, sep, limit, false)
  if code then fail_until(self, "read_until", code, bytes, limit) end
  return bytes
end

-- What a buffer gets at most, unless the caller says otherwise: as much as the
-- core reads at a time.
local INTO = 128 * 1024

--- Reads what there is, at least one byte and at most `n` (default 128 KiB), to
-- the end of a buffer of LuaJIT's `string.buffer`, and returns how many bytes
-- that was; nil at the end. No string is made, so that a buffer which is used
-- again costs nothing but the copying. Parks.
---@param buffer userdata
---@param n number?
---@return number?
function Reading:read_into(buffer, n)
  if getmetatable(buffer) ~= "buffer" then
    fail_argument(self.noun .. ":read_into(buffer, n): buffer must be one of "
      .. "string.buffer, got " .. errors.shown(buffer))
  end
  if n == nil then n = INTO
  else reading.check_count(n, 1, self.noun .. ":read_into(buffer, n): n") end
  local code = core.read_wait(self[1])
  if code == false then code = core.read_wait(self[1], true) end
  if code == EEND then return nil end
  if code then self:fail_read("read_into", code) end
  local count = core.read_take(self[1], buffer:reserve(n), n)
  buffer:commit(count)
  return count
end

--- Reads a line, without its "\n"; the last one may lack it. nil at the end.
-- Raises LimitOverrunError, and reads nothing, if it is longer than `limit`
-- bytes, by default 64 KiB. Parks.
---@param limit number?
---@return string?
function Reading:read_line(limit)
  if limit == nil then limit = LIMIT
  else check_limit(self, "read_line(limit)", limit) end
  local code, line = read_until(self, "\n", limit, true)
  if not code then return line end
  if code ~= EINCOMPLETE then
    fail_until(self, "read_line", code, line, limit)
  end
  return line ~= "" and line or nil
end

--- Reads to the end, however much that is; "" if it has come already. Parks.
---@return string
function Reading:read_all()
  local from, code, bytes, seen = 0
  repeat
    code, bytes, seen = core.read_all(self[1], from)
    if code == false then
      code, bytes, seen = core.read_all(self[1], from, true)
    end
    from = seen
  until not seen
  if code then self:fail_read("read_all", code) end
  return bytes
end

--- The lines up to the end, as read_line gives them, for a `for` loop.
---@param limit number? as of read_line
---@return fun(): string?
function Reading:lines(limit)
  if limit ~= nil then check_limit(self, "lines(limit)", limit) end
  return function() return self:read_line(limit) end
end

--- Gives the methods to a class whose objects have the C side's socket at [1].
-- They call `object:fail_read(call, code)` to raise what went wrong.
---@param class table
---@param noun string "stream"
function reading.add_methods(class, noun)
  class.noun = noun
  for name, method in entries(Reading) do class[name] = method end
end

return reading
