-- What a test has undone at its end, the last first.
local weft = require "weft"
local finalizers = require "weft.testing.finalizers"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails = helper.fails

testing.options { virtual = true }

-- A resource that notes in `said` when it is entered and left, after a sleep.
local function noting(said, name)
  return weft.context(function(yield)
    weft.sleep(1)
    said[#said + 1] = "+" .. name
    yield(name)
    weft.sleep(1)
    said[#said + 1] = "-" .. name
  end)()
end

describe("weft.testing.finalizers", function()
  it("leaves what was used and calls what was deferred, the last first",
    function()
      local said = {}
      assert.equal("a", finalizers.use(noting(said, "a")))
      finalizers.defer(function(x, y) said[#said + 1] = x .. y end, "de", "f")
      finalizers.use(noting(said, "b"))
      assert.equal(3, finalizers.count())
      finalizers.run()
      assert.same({ "+a", "+b", "-b", "def", "-a" }, said)
      assert.equal(0, finalizers.count())
      assert.equal(4, weft.now())
    end)

  it("undoes also what is added meanwhile", function()
    local said = {}
    finalizers.defer(function()
      finalizers.defer(table.insert, said, "later")
      said[#said + 1] = "first"
    end)
    finalizers.run()
    assert.same({ "first", "later" }, said)
  end)

  it("closes what has only close()", function()
    local closed = 0
    local object = { close = function() closed = closed + 1 end }
    assert.equal(object, finalizers.use(object))
    finalizers.run()
    assert.equal(1, closed)
  end)

  it("runs all of them, and raises the one that failed", function()
    local said = {}
    finalizers.defer(table.insert, said, "a")
    finalizers.defer(error, "broken", 0)
    finalizers.defer(table.insert, said, "b")
    local err = helper.error_of(finalizers.run)
    assert.equal("broken", err.value)
    assert.same({ "b", "a" }, said)
    finalizers.run() -- nothing is left
  end)

  it("raises several failures as a group, in their order", function()
    finalizers.defer(error, "second", 0)
    finalizers.defer(error, weft.ClosedError "first", 0)
    local err = fails("ErrorGroup", finalizers.run)
    assert.equal(2, #err.errors)
    assert.is_true(err.errors[1]:is "ClosedError")
    assert.equal("second", err.errors[2].value)
  end)

  it("gives the test's error to what it leaves, which cannot handle it",
    function()
      local got = {}
      finalizers.use { enter = function() end, exit = function(_, err)
        got[1] = err
        return true
      end }
      finalizers.use(weft.context(function(yield)
        local ok, err = pcall(yield)
        got[2] = not ok and err
        error(err, 0) -- passes it on: no failure of its own
      end)())
      finalizers.run "the test's"
      assert.same({ "the test's", "the test's" }, got)
    end)

  it("is shielded: a cancellation shows after it [12.1]", function()
    local said = {}
    local scope = weft.scope(function(scope)
      finalizers.use(noting(said, "a"))
      scope:cancel()
      finalizers.run()
      assert.same({ "+a", "-a" }, said)
      weft.checkpoint()
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("lets a fixture have a group around its yield", function()
    local ended
    finalizers.use(weft.context(function(yield)
      weft.group(function(g)
        g:spawn(weft.finally, weft.sleep_forever, function() ended = true end)
        yield()
        g:cancel()
      end)
    end)())
    weft.yield()
    finalizers.run()
    assert.is_true(ended)
  end)

  it("does not keep what could not be entered", function()
    local err = fails("ClosedError", finalizers.use, {
      enter = function() error(weft.ClosedError "no", 0) end,
      exit = function() error "never entered" end,
    })
    assert.equal("no", err.message)
    assert.equal(0, finalizers.count())
  end)

  it("refuses what is no resource, no function, and no task",
    testing.plain(function()
      helper.refuses({ "use(resource)", "number 1" }, finalizers.use, 1)
      helper.refuses({ "defer(fn, ...)", "nil" }, finalizers.defer)
      fails("InvalidStateError", finalizers.run)
      fails("InvalidStateError", finalizers.use, { close = print })
    end))
end)

describe("the body of a describe, where no test has begun", function()
  local object = { method = print }
  local refused = {}
  for name, call in pairs {
    defer = function() testing.defer(print) end,
    stub = function() testing.stub(object, "method") end,
    env = function() testing.env("WEFT_NO_SUCH", "1") end,
  } do
    refused[name] = select(2, pcall(call))
  end

  it("has nothing undone, so it may not ask for it", function()
    for name, err in pairs(refused) do
      assert.raises_error("InvalidStateError", err, "testing." .. name
        .. " lasts until the end of a test")
    end
    assert.equal(print, object.method)
    assert.is_nil(os.getenv "WEFT_NO_SUCH")
    assert.equal(0, finalizers.count())
  end)
end)
