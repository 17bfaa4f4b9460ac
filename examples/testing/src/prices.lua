--- A client of a price service.
--
-- The service answers lines: `GET TEA` is answered by `OK 12.50`, by `NONE` if
-- there is no such good, or by `BUSY`. A question goes through four layers:
--
-- - the cache: an answer is good for `ttl` seconds, and who asks for what is
--   being asked waits for that answer;
-- - the retry: after BUSY, a broken connection or a timeout it is asked again,
--   later each time;
-- - the rate limiter: at most `rate` questions a second, first come, first
--   served;
-- - the pool: connections are used again, a broken one never.
-- @module prices

local weft = require "weft"

local prices = {}

--- What the service does not know; asking again is of no use.
prices.UnknownGood = weft.error_class "UnknownGood"

--- What may work later.
prices.Unavailable = weft.error_class "Unavailable"

local DEFAULTS = {
  ttl = 60, rate = 10, connections = 2, timeout = 2, attempts = 5,
  backoff = { first = 0.5, factor = 2, max = 3600 },
}

-- A client; made by `prices.new`.
---@class prices.Client
local Client = {}
local metatable = { __name = "prices.Client", __index = Client }

-- -- One question -------------------------------------------------------------

local function exchange(stream, good)
  stream:write("GET ", good, "\n")
  local answer = stream:read_line()
  if answer then return answer end
  error(prices.Unavailable "the service has hung up")
end

-- What the line says. It is read outside the pool: the connection is fine,
-- whatever the answer.
local function price_in(answer, good)
  local price = tonumber(answer:match "^OK (%S+)$")
  if price then return price end
  if answer == "NONE" then
    error(prices.UnknownGood("there is no " .. good))
  end
  error(prices.Unavailable("the service says " .. answer))
end

local function ask(self, good)
  self.limiter:acquire()
  return price_in(self.pool:with(function(stream)
    return exchange(stream, good)
  end), good)
end

local RETRIED = { prices.Unavailable, "TimeoutError", "OSError" }

local function ask_patiently(self, good)
  return weft.retry(function() return ask(self, good) end, {
    attempts = self.opts.attempts, backoff = self.opts.backoff,
    timeout = self.opts.timeout, on = RETRIED,
  })
end

-- -- The client ---------------------------------------------------------------

--- Makes a client. `connect()` makes a stream to the service; opts may have
-- `ttl`, `rate`, `connections`, `timeout` (seconds, of each attempt),
-- `attempts` and `backoff`.
---@param connect fun(): weft.Stream
---@param opts table?
---@return prices.Client
function prices.new(connect, opts)
  opts = setmetatable(opts or {}, { __index = DEFAULTS })
  local self = setmetatable({ opts = opts }, metatable)
  self.pool = weft.pool { create = connect, max = opts.connections }
  self.limiter = weft.rate_limiter(opts.rate, 1)
  self.cache = weft.cache(function(good) return ask_patiently(self, good) end,
    { ttl = opts.ttl })
  return self
end

--- The price of a good. Parks. Raises UnknownGood, or, when all attempts have
-- failed, what the last one did.
---@param good string
---@return number
function Client:get(good) return self.cache:get(good) end

--- The prices of many goods, side by side; the first failure cancels the rest.
-- Parks.
---@param goods string[]
---@return number[]
function Client:get_all(goods)
  return weft.map(goods, function(good) return self:get(good) end)
end

--- Has a task call `fn(price)` when the price has changed; it looks now and
-- every `seconds`, until it is cancelled.
---@param good string
---@param seconds number
---@param fn fun(price: number)
---@return weft.Task
function Client:watch(good, seconds, fn)
  return weft.spawn("watch " .. good, function()
    local last
    weft.every(seconds, function()
      local price = self:get(good)
      if price ~= last then fn(price) end
      last = price
    end, { immediate = true })
  end)
end

--- Closes its connections; who still asks gets a ClosedError. Parks.
function Client:close() self.pool:close() end

--- The price of a good by whichever client has it first; the others are
-- cancelled. Parks. Raises an ErrorGroup if none has it.
---@param clients prices.Client[]
---@param good string
---@return number
function prices.of_any(clients, good)
  local asking = {}
  for i, client in ipairs(clients) do
    asking[i] = function() return client:get(good) end
  end
  return weft.any(asking)
end

return prices
