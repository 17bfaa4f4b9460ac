-- try, catch and finally.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function raiser(err)
  return function() error(err, 0) end
end

-- Runs a group whose children raise the errors given.
local function raise_together(...)
  local list = { ... }
  weft.group(function(g)
    for _, err in ipairs(list) do g:spawn(raiser(err)) end
  end)
end

-- -- try ---------------------------------------------------------------------

describe("weft.try", function()
  it("returns the results, nils included", function()
    local n = select("#", weft.try(function(...) return ... end, 1, nil, nil))
    assert.equal(3, n)
    assert.equal(1, (weft.try(function(...) return ... end, 1, nil, nil)))
  end)

  it("returns nil and the error object that was raised [10.10]", function()
    local mine = weft.OSError "x"
    local value, err = weft.try(raiser(mine))
    assert.is_nil(value)
    assert.equal(mine, err)
  end)

  it("makes an error object of any other value [10.10, 10.1]", function()
    local _, err = weft.try(raiser "text")
    assert.is_true(err:is "Error")
    assert.equal("text", err.message)
    assert.equal("text", err.value)
  end)

  it("passes Cancelled on [6.6, 10.9]", function()
    local after = false
    local scope = weft.move_on_after(0, function()
      weft.try(weft.sleep, 1)
      after = true
    end)
    assert.is_true(scope:cancelled_caught())
    assert.is_false(after)
  end)

  it("refuses what is no function", function()
    refuses({ "fn", "function", "nil" }, weft.try)
    refuses({ "fn", "function", "table" }, weft.try, {})
  end)
end)

-- -- trace -------------------------------------------------------------------

describe("weft.trace", function()
  it("gives a new error where it is raised, and only once [10.3]", function()
    local function refuse() error(weft.trace(weft.ClosedError "shut"), 0) end
    local function misuse()
      refuse()
      return true -- no tail call, so misuse is on the stack
    end
    local err = fails("ClosedError", function()
      misuse()
      return true
    end)
    assert.is_truthy(err.traceback:find("in function 'misuse'", 1, true))
    local traceback = err.traceback
    assert.equal(err, weft.trace(err))
    assert.equal(traceback, err.traceback)
  end)

  it("as a handler keeps where an error was raised", function()
    local mine = weft.OSError "x"
    local function break_down() error(mine, 0) end
    local ok, err = xpcall(function()
      break_down()
      return true
    end, weft.trace)
    assert.is_false(ok)
    assert.equal(mine, err)
    assert.is_truthy(err.traceback:find("break_down", 1, true))
  end)

  it("leaves what is no error object as it is", function()
    assert.equal("x", select(2, xpcall(raiser "x", weft.trace)))
    assert.is_nil(select(2, xpcall(raiser(nil), weft.trace)))
  end)
end)

-- -- catch -------------------------------------------------------------------

describe("weft.catch", function()
  it("returns fn's results where nothing is raised", function()
    assert.same({ 1, 2 }, { weft.catch(function() return 1, 2 end, {}) })
  end)

  it("counts a bare error as a group of one [10.7]", function()
    local mine, got = weft.OSError "x", nil
    weft.catch(raiser(mine), { { "OSError", function(g) got = g end } })
    assert.is_true(got:is "ErrorGroup")
    assert.same({ mine }, got.errors)
  end)

  it("returns nothing once all members were taken [10.7]", function()
    assert.equal(0, select("#", weft.catch(raiser(weft.Error "x"),
      { { weft.Error, function() return 1 end } })))
  end)

  it("gives each handler the members no earlier one took [10.7]", function()
    local log = {}
    local function handler(name)
      return function(g)
        for _, e in ipairs(g:leaves()) do
          log[#log + 1] = name .. " " .. e.message
        end
      end
    end
    weft.catch(function()
      raise_together(weft.OSError "a", weft.QueueFull "b", weft.OSError "c")
    end, { { "OSError", handler "os" }, { weft.Error, handler "rest" } })
    assert.same({ "os a", "os c", "rest b" }, log)
  end)

  it("calls a handler at most once, and not one with nothing to take [10.7]",
    function()
      local os, full = 0, 0
      weft.catch(function()
        raise_together(weft.OSError "a", weft.OSError "b")
      end, { { "OSError", function() os = os + 1 end },
          { "QueueFull", function() full = full + 1 end } })
      assert.same({ 1, 0 }, { os, full })
    end)

  it("raises on what no handler took [10.8]", function()
    local err = fails("ErrorGroup", weft.catch, function()
      raise_together(weft.OSError "a", weft.QueueFull "b")
    end, { { "OSError", function() end } })
    assert.equal(1, #err.errors)
    assert.equal("b", err.errors[1].message)
  end)

  it("raises the error as it was if none took anything [10.8]", function()
    local mine = weft.OSError "a"
    assert.equal(mine, error_of(weft.catch, raiser(mine),
      { { "QueueFull", function() end } }))
    assert.equal("text", error_of(weft.catch, raiser "text", {}))
  end)

  it("joins what handlers raise with the rest in one group [10.8]", function()
    local err = fails("ErrorGroup", weft.catch, function()
      raise_together(weft.OSError "a", weft.QueueFull "b")
    end, { { "OSError", function() error(weft.BusyError "c") end } })
    assert.equal(2, #err.errors)
    assert.equal("b", err.errors[1].message)
    assert.equal("c", err.errors[2].message)
  end)

  it("gives what a handler raises the group it got as cause [10.10]",
    function()
      local mine = weft.OSError "a"
      local err = error_of(weft.catch, raiser(mine),
        { { "OSError", function() error(weft.BusyError "c") end } })
      assert.equal(mine, err.errors[1].cause.errors[1])
    end)

  it("lets a handler raise a member of what it got: that gets no cause it is "
    .. "part of [10.10]", function()
    local mine = weft.OSError "a"
    local err = error_of(weft.catch, raiser(mine),
      { { "OSError", function(g) error(g.errors[1]) end } })
    assert.equal(mine, err.errors[1])
    assert.is_nil(mine.cause)
  end)

  it("passes Cancelled, even for weft.Error or a predicate [10.9, 6.6]",
    function()
      local taken = false
      local function take() taken = true end
      local scope = weft.move_on_after(0, function()
        weft.catch(function() weft.sleep(1) end, {
          { weft.Error, take }, { function() return true end, take },
        })
        taken = true
      end)
      assert.is_true(scope:cancelled_caught())
      assert.is_false(taken)
    end)

  it("lets a handler wait", function()
    weft.catch(raiser(weft.Error "x"),
      { { weft.Error, function() weft.sleep(3) end } })
    assert.equal(3, weft.now())
  end)

  it("refuses what is no function or no list of handlers", function()
    local function fn() error "fn must not be called" end
    refuses({ "fn", "function", "nil" }, weft.catch)
    refuses({ "handlers", "list", "nil" }, weft.catch, fn)
    refuses({ "handler 1", "{class, function}" }, weft.catch, fn, { "OSError" })
    refuses({ "handler 2" }, weft.catch, fn,
      { { "A", print }, { print } })
  end)

  it("refuses a matcher that is neither class, name nor predicate at once",
    function()
      refuses({ "handler 1", "class", "number" }, weft.catch,
        function() error "fn must not be called" end, { { 5, print } })
    end)
end)

-- -- finally -----------------------------------------------------------------

describe("weft.finally", function()
  it("returns fn's results after the cleanup got nil [12.9]", function()
    local got = "not called"
    local results = { weft.finally(function() return 1, nil, 3 end,
      function(err) got = err end) }
    assert.same({ 1, nil, 3 }, results)
    assert.is_nil(got)
  end)

  it("gives the cleanup the error and raises it on, untouched [12.9, 10.1]",
    function()
      local mine, got = {}, nil
      local err = error_of(weft.finally, raiser(mine),
        function(e) got = e end)
      assert.equal(mine, err)
      assert.equal(mine, got)
    end)

  it("runs the cleanup when fn is cancelled, and Cancelled goes on [12.9]",
    function()
      local got
      local scope = weft.move_on_after(1, function()
        weft.finally(weft.sleep_forever, function(err) got = err end)
      end)
      assert.is_true(scope:cancelled_caught())
      assert.is_true(got:is "CancelledError")
    end)

  it("shields the cleanup: it may wait in cancelled code [12.1]", function()
    local cleaned_at
    weft.move_on_after(1, function()
      weft.finally(weft.sleep_forever, function()
        weft.sleep(5)
        cleaned_at = weft.now()
      end)
    end)
    assert.equal(6, cleaned_at)
  end)

  it("shows a cancellation that comes during the cleanup after it [12.1]",
    function()
      local cleaned, after = false, false
      local scope = weft.move_on_after(1, function()
        weft.finally(function() end, function()
          weft.sleep(5)
          cleaned = true
        end)
        weft.checkpoint()
        after = true
      end)
      assert.is_true(cleaned)
      assert.is_false(after)
      assert.is_true(scope:cancelled_caught())
    end)

  it("raises the cleanup's error instead, with fn's as its cause [12.9, 10.10]",
    function()
      local first, second = weft.Error "first", weft.Error "second"
      local err = error_of(weft.finally, raiser(first),
        function() error(second) end)
      assert.equal(second, err)
      assert.equal(first, err.cause)
    end)

  it("leaves a cause that the cleanup's error has [10.10]", function()
    local own = weft.Error "own"
    local err = error_of(weft.finally, raiser(weft.Error "first"),
      function() error(weft.Error("second", { cause = own })) end)
    assert.equal(own, err.cause)
  end)

  it("keeps errors that are no objects, as cause and in place of fn's "
    .. "[12.9, 10.10]", function()
    local err = error_of(weft.finally, raiser "first", raiser "second")
    assert.equal("second", err.value)
    assert.equal("first", err.cause.value)
  end)

  it("lets the cleanup raise what it got, or what caused that [10.10]",
    function()
      local cause = weft.Error "cause"
      local mine = weft.Error("mine", { cause = cause })
      local function raise(err) error(err) end
      assert.equal(mine, error_of(weft.finally, raiser(mine), raise))
      assert.equal(cause, error_of(weft.finally, raiser(mine),
        function(err) error(err.cause) end))
      assert.is_nil(cause.cause)
    end)

  it("gives the cleanup an object for an error that is nil [12.9]", function()
    local got
    local ok, err = pcall(weft.finally, raiser(nil), function(e) got = e end)
    assert.same({ false, nil }, { ok, err })
    assert.is_true(got:is "Error")
  end)

  it("takes no result of the cleanup for handling the error [12.9]", function()
    assert.equal("x", error_of(weft.finally, raiser "x",
      function() return true end))
  end)

  it("keeps the traceback of fn's error, whatever the cleanup catches [10.3]",
    function()
      local function fn_that_fails() error "in fn" end
      local _, err = weft.try(weft.finally, function() fn_that_fails() end,
        function() weft.try(error, "caught") end)
      assert.is_truthy(err.traceback:find("fn_that_fails", 1, true),
        err.traceback)
    end)

  it("is an InvalidStateError outside a task, before fn is called [1.11]",
    testing.plain(function()
      local called = false
      local function call() called = true end
      local err = fails("InvalidStateError", weft.finally, call, call)
      assert.is_truthy(err.message:find("weft.finally", 1, true))
      assert.is_false(called)
    end))

  it("replaces Cancelled by an error of the cleanup; it is raised again at "
    .. "the next point [6.14]", function()
    local at_next
    local scope = weft.move_on_after(1, function()
      local ok, err = pcall(weft.finally, weft.sleep_forever,
        function() error(weft.Error "cleanup") end)
      assert.is_false(ok)
      assert.equal("cleanup", err.message)
      at_next = error_of(weft.checkpoint)
      error(at_next)
    end)
    assert.is_true(at_next:is "CancelledError")
    assert.is_true(scope:cancelled_caught())
  end)

  it("refuses what is no function", function()
    refuses({ "fn", "function", "number" }, weft.finally, 1, print)
    refuses({ "cleanup", "function", "nil" }, weft.finally, print)
  end)
end)
