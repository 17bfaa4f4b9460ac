-- Stubs of functions that park.
local weft = require "weft"
local finalizers = require "weft.testing.finalizers"
local stub = require "weft.testing.stub"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

describe("async_stub", function()
  it("parks once and returns its results [30.8]",
    testing.with({ seed = false }, function()
    local fetch, said = stub.new("a", nil, "c", nil), {}
    weft.spawn(function() said[1] = "other" end)
    local count = select("#", fetch())
    assert.same({ "other" }, said)
    assert.equal(4, count)
    local a, b, c = fetch()
    assert.same({ "a", nil, "c" }, { a, b, c })
    assert.equal(0, weft.now())
  end))

  it("without results returns none", function()
    assert.equal(0, select("#", stub.new()()))
  end)

  it("is a spy: its calls are counted and looked at", function()
    local fetch = stub.new "body"
    fetch("http://a/", { retries = 3 })
    fetch "http://b/"
    assert.spy(fetch).was.called(2)
    assert.spy(fetch).was.called_with("http://a/", { retries = 3 })
    assert.spy(fetch).was_not.called_with "http://c/"
    assert.spy(fetch).was.returned_with "body"
    assert.equal("http://b/", fetch.calls[2].vals[1])
    assert.equal(1, fetch.calls[2].vals.n)
    assert.has_error(function() assert.spy(fetch).was.called(3) end)
    fetch:clear()
    assert.spy(fetch).was_not.called()
  end)

  it("cancelled, counts as called [30.8]", function()
    local fetch = stub.new("late"):after(10)
    local err = fails("TimeoutError", weft.timeout, 5, function()
      fetch "url"
    end)
    assert.truthy(err)
    assert.spy(fetch).was.called(1)
    assert.spy(fetch).was.called_with "url"
    assert.equal(0, #fetch.returnvals)
  end)

  it("cancelled at the call counts as called, and is one [30.8]", function()
    local fetch = stub.new "never seen"
    local scope = weft.scope(function(scope)
      scope:cancel()
      fetch()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.spy(fetch).was.called(1)
  end)

  it("calls a function with the arguments, which may park", function()
    local double = stub.new(function(x)
      weft.sleep(2)
      return x * 2
    end)
    assert.equal(8, double(4))
    assert.equal(2, weft.now())
    assert.equal(print, stub.new():returns(print)())
  end)

  it("raises what it is told to, the very value", function()
    local err = weft.OSError("gone", { code = "ECONNRESET" })
    local fetch = stub.new():raises(err)
    assert.equal(err, helper.error_of(fetch))
    assert.equal("text", helper.error_of(stub.new():raises "text"))
    assert.equal(false, helper.error_of(stub.new():raises(false)))
  end)

  it("takes its time", function()
    local fetch = stub.new("slow"):after(1.5)
    assert.equal("slow", fetch())
    assert.equal(1.5, weft.now())
  end)

  it("waits until it is cancelled, for time-outs", function()
    local fetch = stub.new():never()
    fails("TimeoutError", weft.timeout, 30, function() fetch() end)
    assert.equal(30, weft.now())
  end)

  it("answers in sequence, the last one for ever", function()
    local fetch = stub.new("first"):after(1)
      :then_raises(weft.OSError "gone")
      :then_invokes(function(x) return x end):after(2)
      :then_returns("last", 2)
    assert.equal("first", fetch())
    assert.equal(1, weft.now())
    fails("OSError", fetch)
    assert.equal("x", fetch "x")
    assert.equal(3, weft.now())
    for _ = 1, 3 do assert.same({ "last", 2 }, { fetch() }) end
    assert.spy(fetch).was.called(6)
  end)

  it("may end with a hang, or have no more answers", function()
    local fetch = stub.new(1):then_never()
    assert.equal(1, fetch())
    fails("TimeoutError", weft.timeout, 1, function() fetch() end)
    fetch = stub.new(1):then_returns(2):then_no_more()
    fetch()
    fetch()
    local err = fails("InvalidStateError", fetch)
    assert.truthy(err.message:find("after its 2 answers", 1, true))
    fails("InvalidStateError", fetch)
  end)

  it("is told anew by returns, raises, invokes and never", function()
    local fetch = stub.new(1):then_returns(2)
    assert.equal(fetch, fetch:returns(3))
    assert.equal(3, fetch())
    assert.equal(3, fetch())
    fetch:invokes(function() return 4 end):then_returns(5)
    assert.same({ 4, 5 }, { fetch(), (fetch()) })
  end)

  it("serves tasks that call it at once, in the order of their calls",
    testing.with({ seed = false }, function()
      local fetch = stub.new("slow"):after(5):then_returns "quick"
      local results = weft.gather { fetch.callback, fetch.callback }
      assert.same({ "slow", "quick" }, { results[1], results[2] })
    end))

  it("can be called as a method", function()
    local client = { get = stub.new "body" }
    assert.equal("body", client:get "/path")
    assert.equal("/path", client.get.calls[1].vals[2])
  end)

  it("refuses what it cannot do", function()
    local made = stub.new()
    refuses({ "raises(err)", "nil" }, made.raises, made)
    refuses({ "then_raises(err)", "nil" }, made.then_raises, made)
    refuses({ "invokes(fn)", "number 1" }, made.invokes, made, 1)
    refuses({ "then_invokes(fn)", "nil" }, made.then_invokes, made)
    refuses({ "after(seconds)", "NaN" }, made.after, made, 0 / 0)
    refuses({ "after(seconds)", "0 or more", "-1" }, made.after, made, -1)
  end)

  it("says that a method takes a colon", function()
    local made = stub.new()
    refuses({ "stub:returns(...), not stub.returns(...)" }, made.returns, 3)
    refuses({ "stub:then_raises(...)" }, made.then_raises, "gone")
    refuses({ "stub:never(...)" }, made.never)
    refuses({ "stub:returns(...)" }, made.returns, {})
  end)

  it("needs a task", testing.plain(function()
    local err = fails("InvalidStateError", stub.new())
    assert.truthy(err.message:find("the stub needs a runtime", 1, true))
  end))
end)

describe("stub(object, name, ...)", function()
  local class = { __index = { get = function() return "real" end } }

  it("replaces a method until the end of the test", function()
    local module = { fetch = function() return "real" end }
    local real = module.fetch
    local fetch = stub.replace(module, "fetch", "fake")
    assert.equal(fetch, module.fetch)
    assert.equal("fake", module.fetch "url")
    assert.spy(module.fetch).was.called_with "url"
    finalizers.run()
    assert.equal(real, module.fetch)
  end)

  it("leaves an inherited method to its class", function()
    local client = setmetatable({}, class)
    stub.replace(client, "get"):raises(weft.OSError "gone")
    fails("OSError", client.get, client)
    assert.equal("real", setmetatable({}, class):get())
    finalizers.run()
    assert.is_nil(rawget(client, "get"))
    assert.equal("real", client:get())
  end)

  it("is reverted by revert, and once", function()
    local module = { fetch = function() return "real" end }
    local fetch = stub.replace(module, "fetch", "fake")
    fetch:revert()
    assert.equal("real", module.fetch())
    module.fetch = print
    finalizers.run()
    assert.equal(print, module.fetch)
  end)

  it("is reverted by luassert's snapshots", function()
    local module = { fetch = function() return "real" end }
    local snapshot = assert:snapshot()
    stub.replace(module, "fetch", "fake")
    snapshot:revert()
    assert.equal("real", module.fetch())
    finalizers.run()
  end)

  it("refuses a name that is not there: it is a slip most of the time",
    function()
      refuses({ "object must be a table", "number 1" }, stub.replace, 1, "a")
      refuses({ 'name string "fecth"', "nil" }, stub.replace, {}, "fecth")
      refuses({ 'name string "a"', "number 1" }, stub.replace, { a = 1 }, "a")
      assert.equal(0, finalizers.count())
    end)
end)
