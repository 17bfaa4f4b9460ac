--- Too late: go on with something else instead of failing.
--
--   weft examples/13_fallback.lua
--
-- It prints
--   weather: sunny (yesterday's)
--   best of 2 so far: 41
--   news: none today

local weft = require "weft"

-- move_on_after raises nothing: it cuts the function off and goes on, and the
-- scope that it returns tells which of the two it was.
local function weather()
  local answer
  local scope = weft.move_on_after(0.01, function()
    weft.sleep(60) -- the service hangs
    answer = "rainy"
  end)
  return scope:cancelled_caught() and "sunny (yesterday's)" or answer
end
print("weather: " .. weather())

-- What there is by then may be good enough.
local best, count = 0, 0
weft.move_on_after(0.1, function()
  for _, offer in ipairs { { 0.01, 23 }, { 0.01, 41 }, { 60, 99 } } do
    weft.sleep(offer[1])
    best, count = math.max(best, offer[2]), count + 1
  end
end)
print(("best of %d so far: %d"):format(count, best))

-- For any failure, a timeout or another: try, and `or`.
local function news()
  return weft.timeout(1, function() error "the paper is on strike" end)
end
print("news: " .. (weft.try(news) or "none today"))
