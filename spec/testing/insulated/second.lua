-- Run by suite_spec: globals are insulated, weft is one.
local weft = require "weft"

describe("the second file", function()
  it("has no globals of the first", function()
    assert.is_nil(rawget(_G, "FIRST"))
    assert.is_nil(rawget(_G, "INSULATED"))
  end)

  it("has the same modules", function()
    assert.is_true(rawget(weft, "seen_by_first"))
    assert.is_truthy(package.loaded["weft.cache"])
    assert.is_truthy(package.loaded["weft.supervisor"])
  end)
end)
