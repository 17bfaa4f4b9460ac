-- Retry: calling a function again that fails.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local even = { backoff = 1 }

-- A function that fails `count` times, and the attempts it was called with.
local function failing(count, class)
  local log = {}
  return function(attempt)
    log[#log + 1] = ("%d at %g"):format(attempt, weft.now())
    if #log <= count then error((class or weft.OSError)("no " .. #log)) end
    return "yes", nil, #log
  end, log
end

describe("weft.retry", function()
  it("returns all results of the first attempt that succeeds", function()
    local fn, log = failing(2)
    local count = select("#", weft.retry(fn, even))
    assert.equal(3, count)
    assert.same({ "1 at 0", "2 at 1", "3 at 2" }, log)
    assert.equal("yes", (weft.retry(fn)))
  end)

  it("does not wait where the first attempt succeeds", function()
    assert.equal(1, weft.retry(function(attempt) return attempt end))
    assert.equal(0, weft.now())
  end)

  it("makes three attempts unless told", function()
    local fn, log = failing(9)
    fails("OSError", weft.retry, fn, even)
    assert.equal(3, #log)
    assert.equal(2, weft.now())
  end)

  it("goes on for ever with math.huge", function()
    local fn, log = failing(5000)
    assert.equal("yes", (weft.retry(fn, { attempts = math.huge, backoff = 0 })))
    assert.equal(5001, #log)
  end)

  it("raises the last error, with those before it", function()
    local err = error_of(weft.retry, (failing(9)), even)
    assert.equal("no 3", err.message)
    assert.equal(3, err.attempts)
    assert.equal(2, #err.earlier)
    assert.equal("no 1", err.earlier[1].message)
    assert.equal("no 2", err.earlier[2].message)
    assert.is_truthy(err.traceback:find("retry_spec", 1, true))
  end)

  it("keeps the latest ten of the errors before", function()
    local err = error_of(weft.retry, (failing(99)),
      { attempts = 20, backoff = 0 })
    assert.equal(20, err.attempts)
    assert.equal(10, #err.earlier)
    assert.equal("no 10", err.earlier[1].message)
    assert.equal("no 19", err.earlier[10].message)
  end)

  it("raises the very error of a single attempt", function()
    local mine = weft.OSError "mine"
    assert.equal(mine, error_of(weft.retry, function() error(mine) end,
      { attempts = 1 }))
    assert.is_nil(mine.earlier)
  end)

  it("makes an error object of any other error", function()
    local err = error_of(weft.retry, function() error({ 7 }, 0) end, even)
    assert.same({ 7 }, err.value)
    assert.equal(3, err.attempts)
  end)

  it("does not change an error that others have too [10.2]", function()
    local child = weft.spawn(function() error(weft.OSError "shared") end)
    local err = error_of(weft.retry, function() child:await() end, even)
    assert.equal(3, err.attempts)
    assert.is_nil(child:error().attempts)
    assert.equal(child:error(), err.earlier[1])
  end)
end)

describe("what weft.retry retries", function()
  -- How many attempts there are when fn raises `err`.
  local function attempts(err, on)
    local count = 0
    error_of(weft.retry, function()
      count = count + 1
      error(err, 0)
    end, { on = on, backoff = 0 })
    return count
  end

  it("is everything but misuse unless told", function()
    assert.equal(3, attempts(weft.OSError "x"))
    assert.equal(3, attempts "a string")
    assert.equal(1, attempts(weft.ArgumentError "x"))
    assert.equal(1, attempts(weft.InvalidStateError "x"))
  end)

  it("is a name, a class, a predicate, or any of a list", function()
    local refused = weft.OSError("x", { code = "ECONNREFUSED" })
    local function is_refused(err) return err.code == "ECONNREFUSED" end
    assert.equal(3, attempts(refused, "OSError"))
    assert.equal(3, attempts(refused, weft.OSError))
    assert.equal(3, attempts(refused, is_refused))
    assert.equal(1, attempts(weft.OSError "y", is_refused))
    assert.equal(1, attempts(refused, "TimeoutError"))
    assert.equal(3, attempts(refused, { "TimeoutError", "OSError" }))
    assert.equal(3, attempts(weft.InvalidStateError "x", "InvalidStateError"))
  end)

  it("is a group, if all its leaves are", function()
    local function group_of(...)
      local errs = { ... }
      return function()
        weft.group(function(g)
          for _, err in ipairs(errs) do
            g:spawn(function() error(err, 0) end)
          end
        end)
      end
    end
    local function count(fn, on)
      local calls = 0
      error_of(weft.retry, function()
        calls = calls + 1
        fn()
      end, { on = on, backoff = 0 })
      return calls
    end
    local mixed = group_of(weft.OSError "a", weft.ArgumentError "b")
    assert.equal(1, count(mixed))
    assert.equal(1, count(mixed, "OSError"))
    assert.equal(3, count(mixed, { "OSError", "ArgumentError" }))
    assert.equal(3, count(mixed, "ErrorGroup"))
    assert.equal(3, count(group_of(weft.OSError "a"), "OSError"))
    assert.equal(3, count(group_of "text"))
  end)

  it("stops at the first error that is not", function()
    local calls = 0
    local err = error_of(weft.retry, function()
      calls = calls + 1
      error(calls == 1 and weft.OSError "a" or weft.ArgumentError "b")
    end, { backoff = 0, attempts = 9 })
    assert.equal("b", err.message)
    assert.equal(2, err.attempts)
  end)
end)

describe("the timeout of weft.retry", function()
  it("is for each attempt", function()
    local seconds = { 9, 9, 1 }
    local at = weft.retry(function(attempt)
      weft.sleep(seconds[attempt])
      return weft.now()
    end, { timeout = 2, backoff = 1 })
    assert.equal(2 + 1 + 2 + 1 + 1, at)
  end)

  it("is a TimeoutError, retried if on says so", function()
    local function never() weft.sleep_forever() end
    local err = fails("TimeoutError", weft.retry, never,
      { timeout = 1, backoff = 0 })
    assert.equal(3, err.attempts)
    err = fails("TimeoutError", weft.retry, never,
      { timeout = 1, on = "OSError" })
    assert.is_nil(err.attempts)
    assert.equal(4, weft.now())
  end)
end)

describe("weft.retry, cancelled,", function()
  it("goes out at once from an attempt [3.2]", function()
    local calls = 0
    weft.move_on_after(5, function()
      weft.retry(function()
        calls = calls + 1
        weft.sleep_forever()
      end, { attempts = math.huge, backoff = 0 })
    end)
    assert.equal(1, calls)
    assert.equal(5, weft.now())
  end)

  it("goes out at once from a pause [3.2]", function()
    local fn, log = failing(99)
    local waited = weft.move_on_after(5, function()
      weft.retry(fn, { backoff = 60 })
    end)
    assert.is_true(waited:cancelled_caught())
    assert.same({ "1 at 0" }, log)
    assert.equal(5, weft.now())
  end)

  it("goes out where an attempt turned Cancelled into a failure [6.5]",
    function()
      local calls = 0
      local waited = weft.move_on_after(5, function()
        weft.retry(function()
          calls = calls + 1
          pcall(weft.sleep_forever)
          error(weft.OSError "instead")
        end, { attempts = math.huge, backoff = 0 })
      end)
      assert.is_true(waited:cancelled_caught())
      assert.equal(1, calls)
    end)

  it("does not retry the TimeoutError of an outer scope [7.6]", function()
    local calls = 0
    local err = fails("TimeoutError", weft.timeout, 5, function()
      weft.retry(function()
        calls = calls + 1
        weft.sleep_forever()
      end, { timeout = 2, backoff = 0, attempts = math.huge })
    end)
    assert.equal(3, calls)
    assert.is_nil(err.attempts)
  end)
end)

describe("weft.retry refuses", function()
  it("what is no function", function()
    refuses({ "retry(fn, opts): fn", "function", "nil" }, weft.retry)
  end)

  it("wrong options", function()
    local function refused(pieces, opts)
      refuses(pieces, weft.retry, print, opts)
    end
    refused({ "retry: opts", "table", "number 3" }, 3)
    refused({ "no option", "retries", "attempts, backoff, on and timeout" },
      { retries = 3 })
    refused({ "attempts", "at least 1", "number 0" }, { attempts = 0 })
    refused({ "timeout", "above 0", "number 0" }, { timeout = 0 })
    refused({ "retry: backoff", "must be a table" }, { backoff = "long" })
    refused({ "retry: backoff: factor" }, { backoff = { factor = 0 } })
    refused({ "on", "a class of errors", "number 5" }, { on = 5 })
    refused({ "on", "a class of errors" }, { on = {} })
    refused({ "on", "a class of errors" }, { on = { "OSError", 5 } })
  end)

  it("a backoff function's result that is no number of seconds", function()
    refuses({ "backoff(attempt)'s result", "string" }, weft.retry,
      (failing(9)), { backoff = function() return "1" end })
  end)
end)
