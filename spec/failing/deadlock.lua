-- Tests that nothing can wake any more.
local weft = require "weft"
local testing = require "weft.testing"

describe("deadlock", function()
  it("virtual", testing.virtual(function()
    weft.queue():get()
  end))

  it("real", testing.with({ timeout = 50 }, function()
    weft.event():wait()
  end))

  it("of two", testing.with({ timeout = 50 }, function()
    local a, b = weft.lock(), weft.lock()
    local function take(first, second)
      return function()
        first:acquire()
        weft.yield()
        second:acquire()
      end
    end
    weft.group(function(g)
      g:spawn("ann", take(a, b))
      g:spawn("bob", take(b, a))
    end)
  end))

  it("in the cleanup, too", function()
    weft.finally(function() weft.event():wait() end,
      function() weft.queue():get() end)
  end)

  it("with a limit on the virtual clock", testing.virtual(function()
    weft.event():wait()
  end, { timeout = 50 }))
end)
