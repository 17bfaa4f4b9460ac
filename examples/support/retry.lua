--- What became of a request, whether another attempt is worth it, and when.
-- @module support.retry

local weft = require "weft"

local retry = {}

local WAIT_MAX = 30 -- seconds of backoff, however many attempts there were
local ASKED_MAX = 60 -- seconds that a server may ask for

-- -- Kinds of failure --------------------------------------------------------

local KIND_OF_CODE = {
  ECONNREFUSED = "refused",
  ECONNRESET = "reset", ECONNABORTED = "reset", EPIPE = "reset",
  EHOSTUNREACH = "unreachable", ENETUNREACH = "unreachable",
  ENETDOWN = "unreachable",
  EHOSTTRYAGAIN = "name_server",
  EHOSTNOTFOUND = "unknown_host",
  EPROTO = "protocol",
}

local TRANSIENT = {
  timeout = true, refused = true, reset = true, unreachable = true,
  early_end = true, name_server = true,
}

local function kind_of(err)
  if err:is "TimeoutError" then return "timeout" end
  if err:is "EndOfStream" then return "early_end" end
  if err:is "ArgumentError" then return "bad_url" end
  return KIND_OF_CODE[err.code] or "other"
end

--- What is wrong with a response, or with the error that came instead of it:
-- nil, or a table with kind and message.
---@param response weft.http.Response?
---@param err weft.Error?
function retry.failure(response, err)
  if err then return { kind = kind_of(err), message = err.message } end
  if response.ok then return nil end
  local text = (response.status .. " " .. response.reason):gsub("%s+$", "")
  return { kind = "status", message = text }
end

local function is_transient(job)
  local status = job.status
  if job.failure.kind ~= "status" then return TRANSIENT[job.failure.kind] end
  return status == 408 or status == 429
    or status >= 500 and status ~= 501 and status ~= 505
end

-- -- Retry-After -------------------------------------------------------------

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

-- The seconds from now to "Sun, 06 Nov 1994 08:49:37 GMT". Both times are taken
-- for local ones, so that what they are wrong by cancels out.
local function seconds_until(text)
  local day, name, year, hour, min, sec =
    text:match "^%a+, (%d%d) (%a+) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
  if not MONTHS[name] then return nil end
  local now = os.date "!*t"
  now.isdst = false
  return os.difftime(os.time {
    year = tonumber(year), month = MONTHS[name], day = tonumber(day),
    hour = tonumber(hour), min = tonumber(min), sec = tonumber(sec),
    isdst = false,
  }, os.time(now))
end

--- How many seconds a Retry-After header asks for: 0 without one, or if it says
-- neither a number nor a date.
---@param header string?
---@return number
function retry.seconds_asked(header)
  if not header then return 0 end
  local seconds = header:match "^%d+$" and tonumber(header)
    or seconds_until(header)
  return math.max(seconds or 0, 0)
end

-- -- Waiting -----------------------------------------------------------------

--- How long to wait before the job's next attempt, nil if there is to be none.
--
-- The wait is drawn from all of 0 to a bound that doubles ("full jitter"), so
-- that those who failed together do not come back together. What the server
-- asks for comes before it.
---@param job table
---@param opts table retries, backoff
---@return number? seconds
function retry.wait(job, opts)
  if not job.failure or not is_transient(job)
    or job.attempts > opts.retries or job.asked > ASKED_MAX then
    return nil
  end
  local bound = math.min(opts.backoff * 2 ^ (job.attempts - 1), WAIT_MAX)
  return job.asked + bound * math.random()
end

--- Seeds the jitter, which else would be the same in every process.
function retry.seed()
  local file = io.open("/dev/urandom", "rb")
  local seed = weft.now()
  if file then
    for byte in (file:read(4) or ""):gmatch "." do
      seed = seed * 256 + byte:byte()
    end
    file:close()
  end
  math.randomseed(seed)
end

return retry
