--- A rate limiter: a token bucket for tasks, first come, first served.
--
-- Lua only, on the public API: a semaphore of one permit is the queue of those
-- who wait, and who has it sleeps until the tokens are there.
-- @module weft.rate_limiter

local errors = require "weft.error"
local scope = require "weft.scope"
local semaphore = require "weft.semaphore"
local time = require "weft.time"

local rate_limiter = {}

-- A rate limiter.
---@class weft.RateLimiter
local RateLimiter = {}
local metatable = { __name = "weft.RateLimiter", __index = RateLimiter }

local function check_positive(value, what)
  if type(value) ~= "number" or value ~= value or value <= 0 then
    errors.fail_argument("rate_limiter: " .. what
      .. " must be a number above 0, got " .. errors.shown(value), 3)
  end
  return value
end

--- Makes a limiter that lets `rate` tokens pass in every `per` seconds and
-- holds up to `opts.burst` (default: rate, at least 1). It starts full.
---@param rate number
---@param per number
---@param opts table?
---@return weft.RateLimiter
function rate_limiter.new(rate, per, opts)
  check_positive(rate, "rate")
  check_positive(per, "per")
  local burst = scope.check_options(opts,
    "rate_limiter(rate, per, opts)").burst
  if burst ~= nil then check_positive(burst, "burst") end
  burst = burst or math.max(rate, 1)
  return setmetatable({
    seconds = per / rate, -- a token
    burst = burst,
    full_at = time.now(), -- when the bucket is full if nobody takes any
    turn = semaphore.new(1),
  }, metatable)
end

local function check_count(self, n, call)
  n = n or 1
  check_positive(n, call .. "(n): n")
  if n > self.burst then
    errors.fail_argument(("rate_limiter:%s(n): n is %s, but the bucket holds "
      .. "%s at most"):format(call, n, self.burst), 3)
  end
  return n
end

-- How long until `count` tokens are there.
local function wait_time(self, count, now)
  local missing = self.full_at - now -- seconds' worth of tokens
  return missing - (self.burst - count) * self.seconds
end

--- Takes `n` tokens, 1 by default. Parks until they are there. Cancelled, it
-- took none.
---@param n number?
function RateLimiter:acquire(n)
  n = check_count(self, n, "acquire")
  self.turn:with(function()
    local wait = wait_time(self, n, time.now())
    if wait > 0 then time.sleep(wait) end
    self.full_at = math.max(self.full_at, time.now()) + n * self.seconds
  end)
end

--- Takes `n` tokens if they are there and nobody waits.
---@param n number?
---@return boolean
function RateLimiter:try_acquire(n)
  n = check_count(self, n, "try_acquire")
  if self.turn:locked() then return false end
  local now = time.now()
  if wait_time(self, n, now) > 0 then return false end
  self.full_at = math.max(self.full_at, now) + n * self.seconds
  return true
end

--- Takes a token, then calls `fn()` and returns its results. Parks.
---@param fn function
function RateLimiter:with(fn)
  scope.check_function(fn, "rate_limiter:with(fn): fn")
  self:acquire()
  return fn()
end

return rate_limiter
