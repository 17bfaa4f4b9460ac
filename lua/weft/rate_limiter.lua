--- Rate limiters for tasks, first come, first served: a bucket of tokens, and a
-- sliding window.
--
-- Lua only, on the public API: a semaphore of one permit is the queue of those
-- who wait, and who has it sleeps until the tokens are there. The two kinds
-- differ in when that is: in wait_time and take.
-- @module weft.rate_limiter

local errors = require "weft.error"
local options = require "weft.options"
local scope = require "weft.scope"
local semaphore = require "weft.semaphore"
local time = require "weft.time"

local rate_limiter = {}

-- -- What both share ----------------------------------------------------------

-- A rate limiter.
---@class weft.RateLimiter
local RateLimiter = {}

local function check_count(self, n, call)
  n = n or 1
  call = self.called .. ":" .. call .. "(n): n"
  options.expect(call, self.count_kind, n, 3)
  if n > self.most then
    errors.fail_argument(("%s is %s, but the %s"):format(call, n,
      self.holds:format(self.most)), 3)
  end
  return n
end

local GRAIN = 1e-8 -- seconds: sleeps end a nanosecond late, and sums round

-- How long until `n` tokens are there; 0 if they are.
local function due_in(self, n, now)
  local wait = self:wait_time(n, now)
  return wait < GRAIN and 0 or wait
end

--- Takes `n` tokens, 1 by default. Parks until they are there. Raises
-- ArgumentError for more than can ever be there. Cancelled, it took none.
---@param n number?
function RateLimiter:acquire(n)
  n = check_count(self, n, "acquire")
  self.turn:with(function()
    local wait = due_in(self, n, time.now())
    if wait > 0 then time.sleep(wait) end
    self:take(n, time.now())
  end)
end

--- Takes `n` tokens if they are there and nobody waits.
---@param n number?
---@return boolean
function RateLimiter:try_acquire(n)
  n = check_count(self, n, "try_acquire")
  if self.turn:locked() then return false end
  local now = time.now()
  if due_in(self, n, now) > 0 then return false end
  self:take(n, now)
  return true
end

--- Takes a token, then calls `fn()` and returns its results. Parks. Cancelled
-- while it waits, it took none and fn was not called.
---@param fn function
function RateLimiter:with(fn)
  scope.check_function(fn, self.called .. ":with(fn): fn")
  self:acquire()
  return fn()
end

-- -- The bucket ---------------------------------------------------------------

local Bucket = setmetatable({
  called = "rate_limiter", count_kind = options.positive,
  holds = "bucket holds %s at most",
}, { __index = RateLimiter })
local bucket_metatable = { __name = "weft.RateLimiter", __index = Bucket }

-- How long until `count` tokens are there.
function Bucket:wait_time(count, now)
  local missing = self.full_at - now -- seconds' worth of tokens
  return missing - (self.most - count) * self.seconds
end

function Bucket:take(count, now)
  self.full_at = math.max(self.full_at, now) + count * self.seconds
end

--- Makes a limiter that lets `rate` tokens pass in every `per` seconds and
-- holds up to `opts.burst` (default: rate, at least 1). It starts full. Raises
-- ArgumentError.
---@param rate number
---@param per number
---@param opts table?
---@return weft.RateLimiter
function rate_limiter.new(rate, per, opts)
  options.expect("rate_limiter: rate", options.positive, rate)
  options.expect("rate_limiter: per", options.positive, per)
  opts = options.check("rate_limiter", opts, { burst = options.positive })
  return setmetatable({
    seconds = per / rate, -- a token
    most = opts.burst or math.max(rate, 1),
    full_at = time.now(), -- when the bucket is full if nobody takes any
    turn = semaphore.new(1),
  }, bucket_metatable)
end

-- -- The window ---------------------------------------------------------------

local Window = setmetatable({
  called = "sliding_window", count_kind = options.count(1),
  holds = "window has room for %s at most",
}, { __index = RateLimiter })
local window_metatable = { __name = "weft.SlidingWindow", __index = Window }

-- `taken` is a ring of the times at which the last `most` tokens were taken;
-- the oldest is at `oldest`.
local function place(self, i) return (self.oldest + i - 2) % self.most + 1 end

function Window:wait_time(count, now)
  local at = self.taken[place(self, count)]
  return at and at + self.per - now or 0
end

function Window:take(count, now)
  for i = 1, count do self.taken[place(self, i)] = now end
  self.oldest = place(self, count + 1)
end

--- Makes a limiter that lets at most `limit` tokens pass in any `per` seconds,
-- wherever these begin. Where a bucket lets through up to twice its rate, after
-- a pause, this never does. It has the methods of a rate limiter; it remembers
-- `limit` times. Raises ArgumentError.
---@param limit number a whole number
---@param per number
---@return weft.RateLimiter
function rate_limiter.sliding_window(limit, per)
  options.expect("sliding_window: limit", options.count(1), limit)
  options.expect("sliding_window: per", options.positive, per)
  return setmetatable({
    most = limit, per = per, taken = {}, oldest = 1, turn = semaphore.new(1),
  }, window_metatable)
end

return rate_limiter
