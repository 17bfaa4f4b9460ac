--- A generator that was collected left its coroutine's address behind for a
-- moment: a coroutine made there could not be resumed.
local weft = require "weft"
local testing = require "weft.testing"

testing.options { virtual = true }

describe("coroutines made where a collected generator's was", function()
  it("can be resumed", function()
    local gen = weft.generator(function(yield) yield(1) end)
    local kept = {}
    for round = 1, 100 do
      weft.scope(function()
        for i = 1, 200 do
          local one = gen()
          if i % 2 == 0 then one:next() end
        end
      end)
      for i = 1, 200 do
        kept[i] = coroutine.create(function() coroutine.yield(1) end)
        assert(coroutine.resume(kept[i]))
      end
      if round % 10 == 0 then collectgarbage("step", 200) end
    end
  end)
end)
