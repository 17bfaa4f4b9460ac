-- Timeouts around a function that comes again and does not wait: their scopes
-- are opened and left by FFI, where all of it is compiled.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails = helper.fails

testing.options { virtual = true }

describe("weft.timeout, again and again around the same function", function()
  local act -- what the function does with its scope; nil: nothing
  local function body(scope)
    if act then return act(scope) end
    return scope
  end

  -- Until it goes the quick way, and is compiled.
  local function repeat_it()
    act = nil
    local scope
    for _ = 1, 200 do scope = weft.timeout(60, body) end
    assert.is_false(scope:cancel_called())
    assert.is_nil(scope:deadline())
    assert.is_nil(weft.current_deadline())
  end

  it("has the deadline [7.1]", function()
    repeat_it()
    act = function(scope) return scope:remaining() end
    assert.equal(60, weft.timeout(60, body))
    assert.is_nil(weft.timeout(nil, body))
  end)

  it("raises TimeoutError when the function waits for too long [7.4]",
    function()
      repeat_it()
      act = function() weft.sleep(61) end
      local err = fails("TimeoutError", weft.timeout, 60, body)
      assert.equal("CancelledError", err.cause.name)
      repeat_it()
    end)

  it("is cancelled at once by a time that is past [7.2]", function()
    repeat_it()
    act = function() weft.checkpoint() end
    fails("TimeoutError", weft.timeout, 0, body)
    act = function() return "returned" end
    assert.equal("returned", weft.timeout(0, body))
  end)

  it("knows that it was cancelled and has returned [6.13]", function()
    repeat_it()
    act = function(scope)
      scope:cancel()
      return scope
    end
    local scope = weft.timeout(60, body)
    assert.is_true(scope:cancel_called())
    assert.is_false(scope:cancelled_caught())
  end)

  it("passes on an error, and closes its scope [7.6]", function()
    repeat_it()
    local inner
    act = function(scope)
      inner = scope
      error("mine", 0)
    end
    local ok, err = pcall(weft.timeout, 60, body)
    assert.same({ false, "mine" }, { ok, err })
    assert.is_nil(inner:deadline())
    assert.is_nil(weft.current_deadline())
  end)

  it("goes on after a wait [7.4]", function()
    repeat_it()
    act = function()
      weft.yield()
      return 1, nil, 3
    end
    for _ = 1, 10 do assert.same({ 1, nil, 3 }, { weft.timeout(60, body) }) end
  end)

  it("is refused in table.sort [13.3]", function()
    repeat_it()
    local err = fails("InvalidStateError", table.sort, { 1, 2 }, function()
      weft.timeout(60, body)
    end)
    assert.equal("weft.timeout cannot wait inside table.sort", err.message)
  end)

  it("is refused outside a task [1.11]", function()
    repeat_it()
    local err
    weft.call_soon(function()
      err = fails("InvalidStateError", weft.timeout, 60, body)
    end)
    weft.yield()
    assert.truthy(err.message:find("weft.timeout needs a task", 1, true))
  end)

  it("is cancelled from outside [7.6]", function()
    repeat_it()
    act = function() weft.checkpoint() end
    local scope = weft.scope(function(outer)
      outer:cancel()
      weft.timeout(60, body)
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("closes what its function has opened in it [13.1]", function()
    repeat_it()
    local closed = false
    act = function()
      local items = weft.generator(function(yield)
        weft.finally(function() yield(1) end, function() closed = true end)
      end)()
      return items()
    end
    assert.equal(1, weft.timeout(60, body))
    assert.is_true(closed)
  end)

  it("does not ask a callable's __eq whether it comes again", function()
    local class = {
      __call = function(self) return self end,
      __eq = function() error("asked", 0) end,
    }
    local a, b = setmetatable({}, class), setmetatable({}, class)
    for _ = 1, 20 do
      assert.is_true(rawequal(a, weft.timeout(60, a)))
      assert.is_true(rawequal(b, weft.timeout(60, b)))
    end
  end)
end)
