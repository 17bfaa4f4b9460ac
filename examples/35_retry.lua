--- Retry: what fails now may work in a moment.
--
--   weft examples/35_retry.lua
--
-- It prints
--   answer to attempt 3
--   after 4 attempts: LineError: the line is busy
--   at once: NoSuchUser: nobody is called that
--   in time: answer to attempt 2

local weft = require "weft"

local LineError = weft.error_class "LineError"
local NoSuchUser = weft.error_class "NoSuchUser"

-- Somebody whose line is busy so many times.
local function busy(times)
  return function(attempt)
    if attempt <= times then error(LineError "the line is busy") end
    return "answer to attempt " .. attempt
  end
end

-- The pauses grow: 5 ms, 10 ms, 20 ms. A random part of each is taken off, so
-- that those who failed together do not come back together.
local opts = {
  attempts = 4, backoff = { first = 0.005, factor = 2 }, on = LineError,
}
print(weft.retry(busy(2), opts))

-- When all attempts have failed, the last error is raised.
local _, err = weft.try(weft.retry, busy(9), opts)
print(("after %d attempts: %s"):format(err.attempts, tostring(err)))

-- What another attempt cannot mend is not tried again: only what `on` names is.
_, err = weft.try(weft.retry, function()
  error(NoSuchUser "nobody is called that")
end, opts)
print("at once: " .. tostring(err))

-- `timeout` is the time of one attempt. A timeout around it bounds the whole.
print("in time: " .. weft.timeout(10, function()
  return weft.retry(function(attempt)
    if attempt == 1 then weft.sleep(60) end
    return "answer to attempt " .. attempt
  end, { timeout = 0.01, backoff = 0.005 })
end))
