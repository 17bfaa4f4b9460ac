--- Streams in memory: a connection whose two ends the test has.
-- @module weft.testing.stream_pair

local core = require "weft.core"
local errors = require "weft.error"
local faults = require "weft.testing.faults"
local stream = require "weft.stream"

local stream_pair = {}

--- Makes two streams that are connected with each other. They do all that
-- connections do, by the same rules and with a bounded buffer, but use no
-- descriptor, and their times are those of the test's clock.
--
-- `there`: what goes wrong with what the first sends, `back`: with what the
-- second does, each a table as in `weft.testing.faults`; one alone is for both
-- ways. `set_faults` changes them later. Raises ArgumentError.
---@param there table?
---@param back table?
---@return weft.Stream first
---@return weft.Stream second
function stream_pair.new(there, back)
  there = faults.check("stream_pair(there, back)", there)
  back = back == nil and there
    or faults.check("stream_pair(there, back)", back)
  local code, first, second = core.stream_pair()
  if code then errors.fail(code) end
  first, second = stream.wrap(first), stream.wrap(second)
  faults.apply(first, there)
  faults.apply(second, back)
  return first, second
end

return stream_pair
