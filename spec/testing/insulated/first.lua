-- Run by suite_spec: what this file loads, the next has too.
local weft = require "weft"
local cache = require "weft.cache"

describe("the first file", function()
  it("loads modules of weft", function()
    _G.FIRST = { weft, cache, require "weft.fs" }
    rawset(weft, "seen_by_first", true)
    assert.is_truthy(weft.fs)
  end)

  insulate("and insulates", function()
    it("some of them", function()
      _G.INSULATED = require "weft.supervisor"
      assert.equal(_G.INSULATED, require "weft.supervisor")
    end)
  end)
end)
