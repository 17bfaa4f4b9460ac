-- A supervisor's children: which are started again, and what is none.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local nursery = require "spec.nursery"

local refuses = helper.refuses
local children_of, run = nursery.children_of, nursery.run
local fail, finish, ignore = nursery.fail, nursery.finish, nursery.ignore

testing.options { virtual = true }

describe("a child's restart", function()
  -- The starts of a child that ends after 2 seconds, in 7 seconds.
  local function starts(restart, fn)
    local log = {}
    run(children_of("a 2 z 7", log, function(name)
      if name == "a" then fn(name) end
    end, restart), { on_error = ignore }, 7)
    local count = 0
    for _, line in ipairs(log) do
      if line:find "a starts" then count = count + 1 end
    end
    return count
  end

  it("always: however it ended", function()
    assert.equal(4, starts("always", fail))
  end)

  it("always: also if it returned", function()
    assert.equal(4, starts("always", finish))
  end)

  it("on_failure: only then, and by default", function()
    assert.equal(4, starts("on_failure", fail))
  end)

  it("on_failure: not if it returned", function()
    assert.equal(1, starts("on_failure", finish))
  end)

  it("on_failure: by default", function()
    assert.equal(4, starts(nil, fail))
  end)

  it("never: not even then", function()
    assert.equal(1, starts("never", fail))
  end)
end)

describe("weft.supervisor refuses", function()
  local a = { name = "a", fn = print }

  it("children that are none", function()
    local function refused(pieces, children)
      refuses(pieces, weft.supervisor, children)
    end
    refused({ "children must be a list of at least one", "nil" }, nil)
    refused({ "children must be a list of at least one", "empty" }, {})
    refused({ "child 2 must be a table", "function" }, { a, print })
    refused({ "child 1: name must be a string", "nil" }, { { fn = print } })
    refused({ "child 1: fn must be a function", "nil" }, { { name = "a" } })
    refused({ "child 1: restart must be always, on_failure or never", "often" },
      { { name = "a", fn = print, restart = "often" } })
    refused({ "child 1: there is no option", "retry", "fn, name and restart" },
      { { name = "a", fn = print, retry = 3 } })
  end)
end)
