--- Backoff: how long to wait before the next try.
--
-- Each wait is longer than the one before, up to a bound. Jitter takes a random
-- part off, so that those who failed together do not come back together. The
-- random numbers are the backoff's own: a seed fixes them, and no other code's
-- use of math.random changes them.
-- @module weft.backoff

local options = require "weft.options"

local backoff = {}

local FIRST, FACTOR, MAX, JITTER = 0.1, 2, 30, 0.5
local MODULUS = 2147483647 -- the "minimal standard" generator, exact in doubles

local kinds = {
  first = options.seconds,
  factor = function(value)
    local will_do = type(value) == "number" and value >= 1
    if not will_do then return "a number of at least 1" end
  end,
  max = options.seconds,
  jitter = function(value)
    local will_do = type(value) == "number" and value >= 0 and value <= 1
    if not will_do then return "a number from 0 to 1" end
  end,
  seed = options.count(0),
}

local function backoff_spec(value)
  local kind = type(value)
  local will_do = kind == "table" or kind == "number" or kind == "function"
  if not will_do then return "a table, a number of seconds or a function" end
end

-- Not the same in two processes, nor in two calls.
local function fresh_seed()
  local address = tonumber(tostring({}):match "0x(%x+)" or "0", 16)
  return math.floor(address / 8 + os.time() * 1009 + os.clock() * 1e6)
end

-- Numbers from 0 to 1, without both.
local function generator(seed)
  local state = seed % (MODULUS - 1) + 1
  local function draw()
    state = state * 16807 % MODULUS
    return state / MODULUS
  end
  for _ = 1, 3 do draw() end -- the first ones of small seeds are all small
  return draw
end

-- A function of the user's, whose result is checked.
local function checked(what, fn)
  return function(attempt)
    local seconds = fn(attempt)
    options.expect(what .. "(attempt)'s result", options.seconds, seconds)
    return seconds
  end
end

--- Makes a function(attempt) that gives the seconds to wait after the failed
-- attempt number `attempt`, 1 being the first. `spec` is
--
-- - nil or a table: `first` (default 0.1 s) is multiplied by `factor` (2) each
--   time, up to `max` (30 s); of that, a random part of up to `jitter` (0.5, of
--   0 to 1) is taken off; `seed` fixes the random numbers;
-- - a number: always so many seconds;
-- - a function(attempt): what it returns.
--
-- Raises ArgumentError for anything else; `what` says whose backoff it is.
---@param what string
---@param spec table|number|function?
---@return fun(attempt: number): number
function backoff.new(what, spec)
  if spec == nil then spec = {} end
  options.expect(what, backoff_spec, spec, 3)
  if not options.func(spec) then return checked(what, spec) end
  if type(spec) == "number" then
    options.expect(what, options.seconds, spec, 3)
    return function() return spec end
  end
  options.check(what, spec, kinds)
  local first, factor = spec.first or FIRST, spec.factor or FACTOR
  local max, jitter = spec.max or MAX, spec.jitter or JITTER
  local draw = generator(spec.seed or fresh_seed())
  return function(attempt)
    -- Nothing times infinity would be NaN.
    local grown = first == 0 and 0 or first * factor ^ (attempt - 1)
    return math.min(grown, max) * (1 - jitter * draw())
  end
end

return backoff
