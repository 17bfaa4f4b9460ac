-- 200 tests of timeouts and sleeps, an hour by their clocks together. How long
-- they take is for who runs them to see: nothing here is timed.
local weft = require "weft"
local testing = require "weft.testing"

local TESTS = 200
local SECONDS = 18 -- of each test: 200 times 18 s are an hour

local count, total = 0, 0

-- What a test may do with 18 seconds; each ends at 18 by its clock.
local kinds = {
  ["a sleep"] = function() weft.sleep(18) end,

  ["a timeout"] = function()
    local ok, err = weft.try(weft.timeout, 18, weft.sleep_forever)
    assert.is_nil(ok)
    assert.is_true(err:is "TimeoutError")
  end,

  ["timeouts in timeouts"] = function()
    local _, outer = weft.try(weft.timeout, 18, function()
      local _, inner = weft.try(weft.timeout, 10, function() weft.sleep(60) end)
      assert.is_true(inner:is "TimeoutError")
      weft.sleep(60)
    end)
    assert.is_true(outer:is "TimeoutError")
  end,

  ["a group"] = function()
    local order = {}
    weft.group(function(g)
      for i = 6, 1, -1 do
        g:spawn(function()
          weft.sleep(3 * i)
          order[#order + 1] = i
        end)
      end
    end)
    assert.same({ 1, 2, 3, 4, 5, 6 }, order)
  end,

  ["a producer and a consumer"] = function()
    local queue, got = weft.queue(1), 0
    weft.group(function(g)
      g:spawn(function()
        for i = 1, 9 do
          weft.sleep(2)
          queue:put(i)
        end
        queue:shutdown()
      end)
      for item in queue:items() do got = got + item end
    end)
    assert.equal(45, got)
  end,

  ["calls"] = function()
    local done = weft.event()
    weft.call_later(18, function() done:set() end)
    local early = weft.move_on_after(17, function() done:wait() end)
    assert.is_true(early:cancelled_caught())
    done:wait()
  end,
}

local names = {}
for name in pairs(kinds) do names[#names + 1] = name end
table.sort(names)

describe("an hour of", function()
  for i = 1, TESTS do
    local name = names[i % #names + 1]
    it(("%s, test %d"):format(name, i), testing.virtual(function(clock)
      kinds[name]()
      assert.equal(SECONDS, clock:now())
      count, total = count + 1, total + clock:now()
    end))
  end

  -- Not in a test: in which order they run is not said.
  teardown(function()
    if count == TESTS then assert.equal(3600, total) end
  end)
end)
