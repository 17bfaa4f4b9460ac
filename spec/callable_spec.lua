-- What is called as a function is taken for one: spies and stubs of tests.
local weft = require "weft"
local callable = require "weft.callable"
local testing = require "weft.testing"
local helper = require "spec.helper"

testing.options { virtual = true }

describe("weft.callable", function()
  it("knows what can be called", function()
    local mute = setmetatable({}, { __index = { __call = print } })
    assert.is_true(callable.is(print))
    assert.is_true(callable.is(spy.new(print)))
    for _, other in ipairs { {}, mute, "print", 5, true, io.stdout } do
      assert.is_false(callable.is(other))
    end
    assert.is_false(callable.is(nil))
  end)
end)

describe("a stub is taken for a function by", function()
  -- Each calls it once, with 3 and whatever else.
  local calls = {
    spawn = function(stub) return weft.spawn("named", stub, 3):await() end,
    ["group:spawn"] = function(stub)
      return weft.group(function(g) return g:spawn(stub, 3):await() end)
    end,
    gather = function(stub)
      local results = weft.gather { function() return stub(3) end,
        testing.async_stub() }
      return results[1]
    end,
    map = function(stub) return weft.map({ 3 }, stub)[1] end,
    race = function(stub)
      return weft.race { function() return stub(3) end, testing.async_stub()
        :never() }
    end,
    try = function(stub) return weft.try(stub, 3) end,
    retry = function(stub)
      return weft.retry(testing.async_stub():raises "once":then_invokes(
        function() return stub(3) end))
    end,
    cache = function(stub) return weft.cache(stub):get(3) end,
    every = function(stub)
      weft.every(1, stub, { count = 1 })
      return stub(3)
    end,
    finally = function(stub)
      return weft.finally(function() return stub(3) end, testing.async_stub())
    end,
    timeout = function(stub)
      return weft.timeout(5, testing.async_stub(stub(3)))
    end,
    with = function(stub)
      return weft.with({ enter = function() return 3 end,
        exit = testing.async_stub() }, stub)
    end,
  }
  for name, call in pairs(calls) do
    it(name, function()
      local stub = testing.async_stub "answer"
      assert.equal("answer", (call(stub)))
      assert.spy(stub).was.called_with(3)
    end)
  end

  it("call_soon and add_done_callback, which are called outside any task",
    function()
      local seen = spy.new(function() end)
      weft.call_soon(seen, 3)
      local task = weft.spawn(function() end)
      task:add_done_callback(seen)
      task:await()
      weft.yield()
      assert.spy(seen).was.called(2)
    end)

  it("nobody where it cannot be called, or goes to a thread", function()
    helper.refuses({ "fn must be a function", "got table" }, weft.spawn, {})
    helper.refuses({ "fn must be a function" }, weft.to_thread, {},
      testing.async_stub())
  end)
end)
