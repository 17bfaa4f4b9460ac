-- A directory for the time of a test.
local weft = require "weft"
local finalizers = require "weft.testing.finalizers"
local temp_dir = require "weft.testing.temp_dir"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fs = weft.fs

testing.options { virtual = true }

describe("testing.temp_dir", function()
  it("is removed with all that is in it", function()
    local first, second = temp_dir.new(), temp_dir.new()
    assert.are_not.equal(first, second)
    fs.mkdir(first .. "/deep")
    fs.write_file(first .. "/deep/file", "text")
    finalizers.run()
    assert.is_false(fs.exists(first))
    assert.is_false(fs.exists(second))
  end)

  it("may be removed by the test itself, and be in another place", function()
    local outer = temp_dir.new()
    local inner = temp_dir.new(outer .. "/inner-")
    assert.equal(1, (inner:find(outer .. "/inner-", 1, true)))
    fs.remove_all(outer)
    finalizers.run()
  end)

  it("refuses what is no prefix", function()
    helper.refuses({ "prefix", "number 1" }, temp_dir.new, 1)
  end)
end)
