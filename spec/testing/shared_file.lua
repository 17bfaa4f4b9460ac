-- Run by suite_spec: a file whose tests share a runtime with its setup, through
-- all kinds of blocks.
local weft = require "weft"
local testing = require "weft.testing"

testing.options { shared = true }

local queue

setup(function() queue = weft.queue() end)
lazy_setup(function() queue:put "lazy" end)
teardown(function()
  weft.yield()
  assert.equal("three", queue:get())
end)

describe("a describe", function()
  it("one", function()
    assert.equal("lazy", queue:get())
    queue:put "one"
  end)
  insulate("an insulated one", function()
    it("two", function()
      assert.equal("one", queue:get())
      finally(function() queue:put(weft.sleep(0, "two")) end)
    end)
  end)
end)

expose("an exposed one", function()
  it("three", function()
    assert.equal("two", queue:get())
    queue:put "three"
  end)
end)
