-- What once broke between one run and the next, and at the edges of a run.
local weft = require "weft"
local helper = require "helper"
local testing = require "weft.testing"

describe("a run", function()
  it("after another does not know its handles [22.1]", testing.plain(function()
    local event, scope
    weft.run(function()
      event = weft.event()
      weft.timeout(10, function(s) scope = s end)
    end)
    weft.run(function()
      local other = weft.event()
      pcall(event.set, event)
      assert.is_false(other:is_set())
      weft.timeout(10, function(s)
        scope:cancel()
        assert.is_false(s:cancel_called())
      end)
    end)
  end))

  it("does not touch a queue of one that is over [22.1]",
    testing.plain(function()
      local queue
      weft.run(function() queue = weft.queue(2) end)
      local err = helper.error_of(queue.put, queue, 1)
      assert.is_true(err:is "InvalidStateError")
    end))

  it("fails a task that returns more results than fit, and goes on [4.3]",
    testing.plain(function()
      local ok, err = weft.run(function()
        local many = {}
        for i = 1, 7900 do many[i] = i end
        local function double(...) return ... , unpack(many) end
        local function all() return double(unpack(many)) end
        return pcall(weft.group, function(g) g:spawn(all) end)
      end)
      if not ok then assert.is_true(err:is "ErrorGroup") end
      assert.equal("fine", weft.run(function() return "fine" end))
    end))

  it("ends a cancelled task whose coroutine somebody else holds [4.3, 13.5]",
    testing.plain(function()
      weft.run(function()
        local co, went_on
        local task = weft.spawn(function()
          co = coroutine.running()
          weft.sleep_forever()
          went_on = true
        end)
        weft.yield()
        task:cancel()
        weft.yield()
        assert.equal("dead", coroutine.status(co))
        assert.is_false((coroutine.resume(co)))
        assert.is_nil(went_on)
      end)
    end))

  it("goes on after its modules were loaded anew [22.1]",
    testing.plain(function()
      local core = package.loaded["weft.core"]
      package.loaded["weft.core"] = nil
      require "weft.core"
      package.loaded["weft.core"] = core
      collectgarbage()
      assert.equal(7, weft.run(function() return weft.sleep(0, 7) end))
    end))
end)
