-- Variables of the environment for the time of a test.
local weft = require "weft"
local env = require "weft.testing.env"
local finalizers = require "weft.testing.finalizers"
local testing = require "weft.testing"
local helper = require "spec.helper"

local refuses = helper.refuses

testing.options { virtual = true }
local NAME = "WEFT_SPEC_VARIABLE"

describe("testing.env", function()
  it("sets a variable until the end of the test", function()
    env.set(NAME, "here")
    assert.equal("here", os.getenv(NAME))
    local result = weft.process.run { "sh", "-c", "printf %s $" .. NAME }
    assert.equal("here", result.stdout)
    finalizers.run()
    assert.is_nil(os.getenv(NAME))
  end)

  it("puts back what was there, also after several settings", function()
    local path = os.getenv "PATH"
    env.set("PATH", "/nowhere")
    env.set("PATH", nil)
    assert.is_nil(os.getenv "PATH")
    env.set("PATH", "")
    assert.equal("", os.getenv "PATH")
    finalizers.run()
    assert.equal(path, os.getenv "PATH")
  end)

  it("refuses what is no name and no value", function()
    refuses({ "name", 'string ""' }, env.set, "", "x")
    refuses({ "name", 'string "a=b"' }, env.set, "a=b", "x")
    refuses({ "name", "nil" }, env.set, nil, "x")
    refuses({ "value", "number 1" }, env.set, NAME, 1)
    refuses({ "value", "zero bytes" }, env.set, NAME, "a\0b")
    assert.equal(0, finalizers.count())
  end)
end)
