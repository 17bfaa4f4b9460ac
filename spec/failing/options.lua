-- Options that are refused.
local weft = require "weft"
local testing = require "weft.testing"

describe("options", function()
  it("in a test", function() testing.options { timeout = 1 } end)
  it("unknown", function()
    testing.with({ time = 1 }, function() end)
  end)
  it("run inside run", function() weft.run(function() end) end)
end)

describe("options in a describe", function()
  testing.options { timeout = "soon" }
end)
