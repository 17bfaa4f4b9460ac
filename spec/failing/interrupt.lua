-- Ctrl-C during the second test.
local weft = require "weft"

local function fetch()
  weft.sleep(60)
  return nil
end

describe("interrupt", function()
  after_each(function()
    weft.sleep(0.001)
    print "after_each"
  end)
  teardown(function()
    weft.sleep(0.001)
    print "teardown"
  end)

  it("passes", function() end)

  it("waits", function()
    finally(function()
      weft.sleep(0.001)
      print "finally"
    end)
    weft.spawn("left", weft.sleep_forever)
    print "waiting"
    io.flush()
    fetch()
  end)

  it("is not run", function() print "NEVER" end)
end)
