--- What goes wrong on the way from one end of a stream in memory to the other.
--
-- Faults are a table; each field works alone. Bytes count from those that are
-- sent next.
--
-- - `delay`: seconds, of the test's clock, until what is sent arrives; the end
--   of the sending side as well. math.huge: it never does.
-- - `split`: how much each read gets. A number: at most so many bytes; a list:
--   the sizes in turn, again and again; `{ min =, max = }`: sizes in between,
--   drawn by `seed`, a whole number, 1 by default.
-- - `reset_after`: after so many bytes the connection is reset, for both ends.
-- - `truncate_after`: after so many the other end reads the end, and what is
--   sent then gets lost.
-- - `corrupt_at`: the byte after so many arrives with its bits turned round.
-- - `buffer`: so many bytes are under way before a sender has unsent ones; 64
--   KiB by default.
-- @module weft.testing.faults

local codes = require "weft.codes"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local options = require "weft.options"

local faults = {}

local ECLOSED, ENOTSUP = codes.ECLOSED, codes.ENOTSUP

-- -- Options -----------------------------------------------------------------

local is_size = options.count(1)

local function is_span(value)
  return not is_size(value.min) and not is_size(value.max)
    and value.min <= value.max
end

local function is_list_of_sizes(value)
  for i = 1, #value do
    if is_size(value[i]) then return false end
  end
  return #value > 0
end

local function split_kind(value)
  local good
  if type(value) == "table" then
    good = value.min == nil and value.max == nil and is_list_of_sizes(value)
      or is_span(value)
  else
    good = not is_size(value)
  end
  if not good then
    return "a whole number of 1 or more, a list of such, or { min =, max = }"
  end
end

local count = options.count(0, true)

local KINDS = {
  delay = options.seconds, split = split_kind, seed = options.count(1),
  reset_after = count, truncate_after = count, corrupt_at = count,
  buffer = count,
}

--- Raises ArgumentError unless `given` is a table of faults, or nil; returns
-- the table.
---@param call string
---@param given any
---@return table
function faults.check(call, given) return options.check(call, given, KINDS) end

--- The names of the faults, for other tables of options.
faults.KINDS = KINDS

-- -- Setting -----------------------------------------------------------------

-- Park and Miller's: all that is needed is the same sizes for the same seed.
local function draw_sizes(span, seed)
  local sizes, width = {}, span.max - span.min + 1
  for i = 1, 1000 do
    seed = seed * 16807 % 2147483647
    sizes[i] = span.min + seed % width
  end
  return sizes
end

local function sizes_of(given)
  local split = given.split
  if split == nil then return nil end
  if type(split) == "number" then return { split } end
  if #split > 0 then return split end
  return draw_sizes(split, given.seed or 1)
end

local FIELDS = { delay = codes.FAULT_DELAY, buffer = codes.FAULT_BUFFER,
  reset_after = codes.FAULT_RESET, truncate_after = codes.FAULT_END,
  corrupt_at = codes.FAULT_CORRUPT }

local function check_code(code)
  if not code then return end
  if code == ENOTSUP then
    errors.fail_argument("faults are for streams of testing.stream_pair; for "
      .. "another, make one of testing.faulty(stream, faults)", 4)
  end
  errors.fail(code, code == ECLOSED
    and "the stream, or the other end of it, is closed" or nil)
end

--- Sets faults of what `stream` sends from now on; those that are not named
-- stay as they are.
---@param stream weft.Stream an end of a stream in memory
---@param given table
function faults.apply(stream, given)
  for name, fault in entries(FIELDS) do
    if given[name] ~= nil then
      check_code(core.stream_set_fault(stream[1], fault, given[name]))
    end
  end
  local sizes = sizes_of(given)
  if sizes then check_code(core.stream_set_pieces(stream[1], sizes)) end
end

local function is_stream(value)
  return type(value) == "table" and type(value[1]) == "userdata"
    and type(value.read) == "function"
end

--- Sets faults of what an end of a pair sends from now on: `{ reset_after = 0
-- }` has it reset now. Raises ArgumentError, and ClosedError if an end is
-- closed.
---@param stream weft.Stream
---@param given table
function faults.set(stream, given)
  if not is_stream(stream) then
    errors.fail_argument("set_faults(stream, faults): stream must be a stream, "
      .. "got " .. errors.shown(stream))
  end
  faults.apply(stream, faults.check("set_faults(stream, faults)", given))
end

return faults
