-- Calls that once ended by the wrong error. Random programs found them
-- (spec/model).
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails = helper.fails

testing.options { virtual = true }

describe("a group with a limit that is over", function()
  it("refuses spawn and start as one without a limit does [9.2]", function()
    local group
    weft.group(function(g) group = g end, { limit = 1 })
    fails("InvalidStateError", group.spawn, group, weft.yield)
    fails("InvalidStateError", group.start, group, weft.yield)
  end)
end)

describe("wait_for a task that its group has cancelled before the time is up",
  function()
    it("raises TaskCancelledError, as others cancelled it [11.14]", function()
      local task, waiter
      pcall(weft.group, function(g)
        task = g:spawn(function()
          weft.shield(function() weft.sleep(5) end)
          weft.checkpoint()
        end)
        waiter = weft.spawn(function()
          return helper.error_of(weft.wait_for, task, 3)
        end)
        weft.sleep(1)
        error "the group fails"
      end)
      assert.equal("TaskCancelledError", waiter:await().name)
    end)
  end)
