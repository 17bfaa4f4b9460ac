-- with: what is entered is left.
local weft = require "weft"
local owner = require "weft.owner"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local virtual = testing.virtual
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

-- A resource that logs what is done with it. `hooks` may have `enter` and
-- `exit`, called after that.
local function logged(log, name, hooks)
  hooks = hooks or {}
  local object = {}
  function object.enter()
    log[#log + 1] = "enter " .. name
    if hooks.enter then return hooks.enter() end
    return name
  end
  function object.exit(_, err)
    log[#log + 1] = "exit " .. name .. (err and " " .. tostring(err) or "")
    if hooks.exit then return hooks.exit(err) end
  end
  return object
end

-- One whose exit gives what it was given to `seen`.
local function watching(seen, result)
  return {
    enter = function() end,
    exit = function(_, ...)
      seen.count, seen.err = select("#", ...), (...)
      return result
    end,
  }
end

local function raiser(err)
  return function() error(err, 0) end
end

-- -- Entering and leaving ---------------------------------------------------

describe("weft.with", function()
  it("enters in order and leaves in reverse [12.3]", function()
    local log = {}
    weft.with(logged(log, "a"), logged(log, "b"), logged(log, "c"), function()
      log[#log + 1] = "body"
    end)
    assert.same({ "enter a", "enter b", "enter c", "body", "exit c", "exit b",
      "exit a" }, log)
  end)

  it("calls fn with the first that each enter returns, nils included [12.3]",
    function()
      local got, n
      local function giving(...)
        local values, count = { ... }, select("#", ...)
        return logged({}, "x", {
          enter = function() return unpack(values, 1, count) end,
        })
      end
      weft.with(giving(1, "more"), giving(), giving(3), giving(nil),
        function(...) got, n = { ... }, select("#", ...) end)
      assert.equal(4, n)
      assert.same({ 1, nil, 3, nil }, got)
    end)

  it("returns fn's results, nils included, for one and for many", function()
    local function body() return nil, 2, nil end
    local a, b = logged({}, "a"), logged({}, "b")
    local one = { n = select("#", weft.with(a, body)), weft.with(a, body) }
    local two = { n = select("#", weft.with(a, b, body)),
      weft.with(a, b, body) }
    assert.same({ n = 3, nil, 2, nil }, one)
    assert.same({ n = 3, nil, 2, nil }, two)
  end)

  it("takes what has close() alone as its own value; what close returns is no "
    .. "result of exit", function()
    local closed, got = 0, nil
    local file = { close = function() closed = closed + 1 return true end }
    local err = error_of(weft.with, file, function(value)
      got = value
      error "x"
    end)
    assert.equal(file, got)
    assert.equal(1, closed)
    assert.is_truthy(err:find "x$")
  end)

  it("finds the methods of metatables, of userdata too", function()
    local log = {}
    local class = { __index = logged(log, "table") }
    local data = newproxy(true)
    getmetatable(data).__index = logged(log, "userdata")
    local computed = setmetatable({}, {
      __index = function(_, key) return logged(log, "computed")[key] end,
    })
    weft.with(setmetatable({}, class), data, computed, function() end)
    assert.same({ "enter table", "enter userdata", "enter computed",
      "exit computed", "exit userdata", "exit table" }, log)
  end)

  it("takes callable objects for methods", function()
    local log = {}
    local function callable(name)
      return setmetatable({}, {
        __call = function() log[#log + 1] = name end,
      })
    end
    weft.with({ enter = callable "enter", exit = callable "exit" },
      function() end)
    assert.same({ "enter", "exit" }, log)
  end)

  it("refuses what is no resource before any is entered, naming position and "
    .. "value [12.3]", function()
    local log = {}
    local good = logged(log, "good")
    local function body() log[#log + 1] = "body" end
    for _, bad in ipairs { 5, "text", {}, print, true } do
      refuses({ "resource 2", "enter()", "close()", type(bad) },
        weft.with, good, bad, good, body)
    end
    refuses({ "resource 1", "nil" }, weft.with, nil, body)
    refuses({ "resource 3", "userdata" },
      weft.with, good, good, newproxy(true), body)
    refuses({ "resource 1", "enter() alone" },
      weft.with, { enter = print, close = print }, body)
    refuses({ "resource 1", "exit(err) alone" },
      weft.with, { exit = print }, body)
    assert.same({}, log)
  end)

  it("refuses a last argument that is no function [12.3]", function()
    local log = {}
    refuses({ "fn", "function", "nil" }, weft.with, logged(log, "a"))
    refuses({ "fn", "function", "nil" }, weft.with)
    refuses({ "fn", "function", "table" },
      weft.with, logged(log, "a"), logged(log, "b"))
    refuses({ "fn", "function", "table" },
      weft.with, logged(log, "a"), logged(log, "b"), logged(log, "c"))
    assert.same({}, log)
  end)

  it("is an InvalidStateError outside a task, and enters nothing [1.11]",
    testing.plain(function()
      local log = {}
      local err = fails("InvalidStateError", weft.with, logged(log, "a"),
        function() end)
      assert.is_truthy(err.message:find("weft.with needs a runtime", 1, true))
      fails("InvalidStateError", weft.with, logged(log, "a"), logged(log, "b"),
        function() end)
      virtual(function()
        weft.call_soon(function()
          err = error_of(weft.with, logged(log, "a"), function() end)
        end)
        weft.yield()
      end)()
      assert.is_truthy(err.message:find("weft.with needs a task", 1, true))
      assert.same({}, log)
    end))

  it("is an InvalidStateError where its hooks could not wait [13.3]", function()
    local log = {}
    local err = fails("InvalidStateError", table.sort, { 2, 1 }, function()
      weft.with(logged(log, "a"), function() end)
    end)
    assert.is_truthy(err.message:find("table.sort", 1, true), err.message)
    assert.same({}, log)
  end)
end)

-- -- Entering fails -----------------------------------------------------------

describe("an enter that fails", function()
  it("has those entered before left in reverse, itself not [12.3]", function()
    local log = {}
    local err = error_of(weft.with, logged(log, "a"), logged(log, "b"),
      logged(log, "c", { enter = raiser "no" }), logged(log, "d"),
      function() log[#log + 1] = "body" end)
    assert.equal("no", err)
    assert.same({ "enter a", "enter b", "enter c", "exit b no",
      "exit a no" }, log)
  end)

  it("leaves nothing where it is the first [12.3]", function()
    local log, mine = {}, weft.OSError "x"
    assert.equal(mine, error_of(weft.with,
      logged(log, "a", { enter = raiser(mine) }), function() end))
    assert.equal(mine, error_of(weft.with,
      logged(log, "b", { enter = raiser(mine) }), logged(log, "c"),
      function() end))
    assert.same({ "enter a", "enter b" }, log)
  end)

  it("may be handled by one entered before [12.5]", function()
    local log = {}
    local n = select("#", weft.with(
      logged(log, "a", { exit = function() return true end }),
      logged(log, "b", { enter = raiser "no" }),
      function() log[#log + 1] = "body" end))
    assert.equal(0, n)
    assert.same({ "enter a", "enter b", "exit a no" }, log)
  end)

  it("by being cancelled is not entered; those before it are left [12.3, 3.5]",
    function()
      local log = {}
      local scope = weft.move_on_after(1, function()
        weft.with(logged(log, "a", { exit = function() weft.sleep(1) end }),
          logged(log, "b", { enter = weft.sleep_forever }),
          function() log[#log + 1] = "body" end)
      end)
      assert.is_true(scope:cancelled_caught())
      assert.equal(2, weft.now())
      assert.same({ "enter a", "enter b",
        "exit a CancelledError: cancelled by deadline" }, log)
    end)
end)

-- -- Errors in flight ---------------------------------------------------------

describe("an exit", function()
  it("gets nil where no error is in flight [12.4]", function()
    local seen = {}
    weft.with(watching(seen), function() return "not an error" end)
    assert.same({ count = 1 }, seen)
  end)

  it("gets the error in flight, untouched, and it goes on [12.4, 10.1]",
    function()
      for _, mine in ipairs { "text", {}, weft.OSError "x", 5 } do
        local first, second = {}, {}
        assert.equal(mine, error_of(weft.with, watching(first),
          watching(second), raiser(mine)))
        assert.equal(mine, error_of(weft.with, watching(first), raiser(mine)))
        assert.equal(mine, first.err)
        assert.equal(mine, second.err)
      end
    end)

  it("gets an error object for an error that is nil or false [12.4]", function()
    local seen = {}
    local ok, err = pcall(weft.with, watching(seen), raiser(nil))
    assert.same({ false, nil }, { ok, err })
    assert.is_true(seen.err:is "Error")
    ok, err = pcall(weft.with, watching(seen), raiser(false))
    assert.same({ false, false }, { ok, err })
    assert.equal(false, seen.err.value)
  end)

  it("that raises puts its error in flight, and the others still run [12.4]",
    function()
      local log = {}
      local second = weft.Error "second"
      local err = error_of(weft.with, logged(log, "a"),
        logged(log, "b", { exit = raiser(second) }), logged(log, "c"),
        raiser "first")
      assert.equal(second, err)
      assert.same({ "enter a", "enter b", "enter c", "exit c first",
        "exit b first", "exit a Error: second" }, log)
    end)

  it("that raises after all went well makes with fail [12.4]", function()
    local log, mine = {}, weft.Error "mine"
    local err = error_of(weft.with, logged(log, "a"),
      logged(log, "b", { exit = raiser(mine) }), function() return 1 end)
    assert.equal(mine, err)
    assert.is_nil(err.cause)
    assert.equal("exit a Error: mine", log[#log])
    assert.equal("text",
      error_of(weft.with, logged(log, "a", { exit = raiser "text" }),
        function() return 1 end))
  end)

  it("keeps every error in the chain of causes [12.4, 10.10]", function()
    local errs = {}
    for i = 1, 4 do errs[i] = weft.Error("number " .. i) end
    local err = error_of(weft.with,
      logged({}, "a", { exit = raiser(errs[4]) }),
      logged({}, "b", { exit = raiser(errs[3]) }),
      logged({}, "c", { exit = raiser(errs[2]) }), raiser(errs[1]))
    for i = 4, 1, -1 do
      assert.equal(errs[i], err)
      err = err.cause
    end
    assert.is_nil(err)
  end)

  it("keeps errors that are no objects, too [10.10, 10.1]", function()
    local err = error_of(weft.with,
      logged({}, "a", { exit = raiser "third" }),
      logged({}, "b", { exit = raiser "second" }), raiser "first")
    assert.equal("third", err.value)
    assert.equal("second", err.cause.value)
    assert.equal("first", err.cause.cause.value)
    assert.is_nil(err.cause.cause.cause)
  end)

  it("leaves a cause that its error has [10.10]", function()
    local own = weft.Error "own"
    local err = error_of(weft.with, logged({}, "a", {
      exit = raiser(weft.Error("second", { cause = own })),
    }), raiser(weft.Error "first"))
    assert.equal(own, err.cause)
  end)

  it("may raise what it got, or what that was caused by [12.4, 10.2]",
    function()
      local cause = weft.Error "cause"
      local mine = weft.Error("mine", { cause = cause })
      assert.equal(mine, error_of(weft.with,
        logged({}, "a", { exit = function(err) error(err) end }),
        raiser(mine)))
      assert.equal(cause, mine.cause)
      assert.equal("text", error_of(weft.with,
        logged({}, "a", { exit = function(err) error(err, 0) end }),
        raiser "text"))
      local err = error_of(weft.with, logged({}, "a", {
        exit = function(e) error(e.cause) end,
      }), raiser(mine))
      assert.equal(cause, err)
      assert.is_nil(cause.cause)
    end)

  it("may raise a member of the group it got [12.4]", function()
    local member = weft.Error "member"
    local err = error_of(weft.with,
      logged({}, "a", { exit = function(e) error(e.errors[1]) end }),
      function()
        weft.group(function(g) g:spawn(raiser(member)) end)
      end)
    assert.equal(member, err)
    assert.is_nil(member.cause)
  end)

  it("keeps the traceback of what was raised [10.3]", function()
    local function noisy()
      weft.try(function() error "of the hook's own" end)
      pcall(error, "another")
    end
    local function body_that_fails() error "in the body" end
    local object = select(2, weft.try(weft.with,
      logged({}, "a", { exit = noisy }), logged({}, "b", { exit = noisy }),
      function() body_that_fails() end))
    assert.is_truthy(object.message:find "in the body")
    assert.is_truthy(object.traceback:find("body_that_fails", 1, true),
      object.traceback)
    local replaced = error_of(weft.with,
      logged({}, "a", { exit = raiser(weft.Error "replacing") }),
      logged({}, "b", { exit = noisy }),
      function() body_that_fails() end)
    assert.is_truthy(
      replaced.cause.traceback:find("body_that_fails", 1, true))
  end)
end)

-- -- Handling -----------------------------------------------------------------

describe("a true result of exit", function()
  local function handler() return true end

  it("handles the error: later exits get nil, with returns nothing [12.5]",
    function()
      local log = {}
      local n = select("#", weft.with(logged(log, "a"),
        logged(log, "b", { exit = handler }), logged(log, "c"),
        raiser "x"))
      assert.equal(0, n)
      assert.same({ "enter a", "enter b", "enter c", "exit c x", "exit b x",
        "exit a" }, log)
      assert.equal(0, select("#",
        weft.with(logged(log, "a", { exit = handler }), raiser "x")))
    end)

  it("means nothing where no error is in flight [12.5]", function()
    assert.equal(1, weft.with(logged({}, "a", { exit = handler }),
      function() return 1 end))
    assert.equal(1, weft.with(logged({}, "a"),
      logged({}, "b", { exit = handler }), function() return 1 end))
  end)

  it("handles what a hook raised; an error after that has no cause [12.5]",
    function()
      local late = weft.Error "late"
      local err = error_of(weft.with,
        logged({}, "a", { exit = raiser(late) }),
        logged({}, "b", { exit = handler }),
        logged({}, "c", { exit = raiser "hook" }), raiser "body")
      assert.equal(late, err)
      assert.is_nil(late.cause)
    end)

  it("does not drop Cancelled where the code outside is cancelled [12.5, 6.5]",
    function()
      local log, after = {}, false
      local scope = weft.move_on_after(1, function()
        weft.with(logged(log, "a"), logged(log, "b", { exit = handler }),
          weft.sleep_forever)
        after = true
      end)
      assert.is_true(scope:cancelled_caught())
      assert.is_false(after)
      assert.equal("exit a CancelledError: cancelled by deadline", log[4])
      scope = weft.move_on_after(1, function()
        weft.with(logged(log, "a", { exit = handler }), weft.sleep_forever)
        after = true
      end)
      assert.is_true(scope:cancelled_caught())
      assert.is_false(after)
    end)

  it("drops Cancelled where the code outside is not cancelled [12.5, 4.5]",
    function()
      local log = {}
      local n = select("#", weft.with(logged(log, "a"),
        logged(log, "b", { exit = handler }),
        raiser(weft.CancelledError "mine")))
      assert.equal(0, n)
      assert.equal("exit a", log[4])
    end)

  it("handles an ordinary error also in cancelled code; Cancelled shows at the "
    .. "next point [12.5, 6.14]", function()
    local handled, after = false, false
    local scope = weft.move_on_after(1, function()
      weft.with(logged({}, "a", { exit = handler }), function()
        pcall(weft.sleep_forever)
        error "x"
      end)
      handled = true
      weft.checkpoint()
      after = true
    end)
    assert.is_true(handled)
    assert.is_false(after)
    assert.is_true(scope:cancelled_caught())
  end)
end)

-- -- Cancellation -------------------------------------------------------------

describe("leaving a with", function()
  it("is shielded: an exit may wait in cancelled code [12.1]", function()
    local left = {}
    local function slow(name)
      return logged({}, name, { exit = function()
        weft.sleep(5)
        left[#left + 1] = name .. " at " .. weft.now()
      end })
    end
    local scope = weft.move_on_after(1, function()
      weft.with(slow "a", slow "b", weft.sleep_forever)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "b at 6", "a at 11" }, left)
  end)

  it("shows a cancellation that comes meanwhile after it [12.1]", function()
    local result, after
    local scope = weft.move_on_after(1, function()
      result = weft.with(logged({}, "a", {
        exit = function() weft.sleep(5) end,
      }), function() return "body" end)
      weft.checkpoint()
      after = true
    end)
    assert.equal("body", result)
    assert.is_nil(after)
    assert.is_true(scope:cancelled_caught())
    assert.equal(5, weft.now())
  end)

  it("outlasts a timeout that is due in the middle of it [12.1, 7.8, 7.9]",
    function()
      local result = weft.timeout(1, function()
        return weft.with(logged({}, "a", {
          exit = function() weft.sleep(5) end,
        }), function() return "body" end)
      end)
      assert.equal("body", result)
      assert.equal(5, weft.now())
    end)

  it("can be limited from inside, by a grace [12.2]", function()
    local log = {}
    local scope = weft.move_on_after(1, function()
      weft.with(logged(log, "a", { exit = function()
        weft.shield(weft.sleep_forever, 2)
        log[#log + 1] = "hook ended at " .. weft.now()
      end }), weft.sleep_forever)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal("hook ended at 3", log[3])
  end)

  it("happens though a pcall in the body swallows Cancelled; that is raised "
    .. "again [6.6, 12.1]", function()
    local log, tries = {}, 0
    local scope = weft.move_on_after(1, function()
      weft.with(logged(log, "a"), function()
        for _ = 1, 3 do
          local ok = pcall(weft.sleep_forever)
          assert.is_false(ok)
          tries = tries + 1
        end
        weft.sleep(1)
      end)
    end)
    assert.equal(3, tries)
    assert.is_true(scope:cancelled_caught())
    assert.equal(1, weft.now())
    assert.equal("exit a CancelledError: cancelled by deadline", log[2])
  end)

  it("replaces Cancelled by a hook's error, with that as cause; it is raised "
    .. "again at the next point [6.14, 12.4]", function()
    local next_point
    local scope = weft.move_on_after(1, function()
      local err = error_of(weft.with,
        logged({}, "a", { exit = raiser(weft.Error "hook") }),
        weft.sleep_forever)
      assert.equal("hook", err.message)
      assert.is_true(err.cause:is "CancelledError")
      next_point = error_of(weft.checkpoint)
      error(next_point)
    end)
    assert.is_true(next_point:is "CancelledError")
    assert.is_true(scope:cancelled_caught())
  end)

  it("gives a Cancelled that a hook raises the error in flight as cause, in a "
    .. "copy [10.10]", function()
    local mine, thrown = weft.Error "mine", weft.CancelledError "by the hook"
    local err = error_of(weft.with, logged({}, "a", { exit = raiser(thrown) }),
      raiser(mine))
    assert.is_true(err:is "CancelledError")
    assert.equal(mine, err.cause)
    assert.is_nil(thrown.cause)
    assert.equal(thrown, error_of(weft.with,
      logged({}, "a", { exit = raiser(thrown) }),
      raiser(weft.CancelledError "by the body")))
    assert.is_nil(thrown.cause)
  end)

  it("closes what its hooks own when they end [14.7]", function()
    local log = {}
    weft.with(logged(log, "a", { exit = function()
      local owned = { close = function(self)
        owner.remove(self)
        log[#log + 1] = "closed"
      end }
      owner.add(owned)
    end }), function() end)
    assert.same({ "enter a", "exit a", "closed" }, log)
    assert.is_nil(next(owner.owned))
  end)

  it("raises what closing that raises, or reports it [14.7]", function()
    local mine = weft.Error "closing"
    local hooks = { exit = function()
      owner.add { close = raiser(mine) }
    end }
    assert.equal(mine, error_of(weft.with, logged({}, "a", hooks),
      function() end))
    local hook_error = weft.Error "hook"
    local err = error_of(weft.with, logged({}, "a", { exit = function()
      hooks.exit()
      error(hook_error)
    end }), function() end)
    assert.equal(hook_error, err)
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(mine, reports[1].err)
  end)

  it("is an InvalidStateError where a hook left a scope open [6.17]", function()
    local object = weft.context(function(yield)
      weft.scope(function() yield() end)
    end)()
    fails("InvalidStateError", weft.with,
      logged({}, "a", { exit = function() object:enter() end }),
      function() end)
  end)

  it("lets nothing leak wherever the cancellation comes [3.5, 12.1, 12.3]",
    function()
      for tick = 0, 12 do
        local open, entered, started = 0, 0, weft.now()
        local function counted()
          return {
            enter = function()
              weft.sleep(1)
              open, entered = open + 1, entered + 1
            end,
            exit = function()
              weft.sleep(1)
              open = open - 1
            end,
          }
        end
        local done = false
        local scope = weft.move_on_after(tick + 0.5, function()
          weft.with(counted(), counted(), counted(), function()
            weft.sleep(3)
          end)
          weft.checkpoint()
          done = true
        end)
        assert.equal(0, open)
        assert.equal(math.min(tick, 3), entered)
        assert.equal(tick >= 9, done)
        assert.equal(tick < 9, scope:cancelled_caught())
        local unwound = tick < 6 and tick + 0.5 + entered or 9
        assert.equal(unwound, weft.now() - started)
      end
    end)
end)

-- -- Together with others -----------------------------------------------------

describe("nested withs", function()
  it("unwind from the inside, each with what the inner one left [12.4, 12.5]",
    function()
      local log = {}
      weft.with(logged(log, "a"), function()
        weft.with(logged(log, "b", { exit = function() return true end }),
          function()
            weft.with(logged(log, "c", { exit = raiser "2" }), raiser "1")
          end)
        log[#log + 1] = "on"
      end)
      assert.same({ "enter a", "enter b", "enter c", "exit c 1",
        "exit b Error: 2", "on", "exit a" }, log)
    end)

  it("work inside an exit, and inside an error handler [12.1]", function()
    local log = {}
    local scope = weft.move_on_after(1, function()
      weft.with(logged(log, "a", { exit = function(err)
        weft.with(logged(log, "b", { exit = function()
          weft.sleep(1)
        end }), function() weft.sleep(1) end)
        weft.catch(raiser(err and "again"), { { "Error", function()
          weft.with(logged(log, "c"), function() weft.sleep(1) end)
        end } })
      end }), weft.sleep_forever)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(4, weft.now())
    assert.same({ "enter a", "exit a CancelledError: cancelled by deadline",
      "enter b", "exit b", "enter c", "exit c" }, log)
  end)

  it("leave in coroutines of the user's, too [13.1, 12.1]", function()
    local log = {}
    local scope = weft.move_on_after(1, function()
      coroutine.wrap(function()
        weft.with(logged(log, "a", { exit = function() weft.sleep(1) end }),
          weft.sleep_forever)
      end)()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(2, weft.now())
  end)
end)

describe("x:with(fn)", function()
  it("releases on every way out, without waiting [12.10, 3.7]", function()
    local semaphore = weft.semaphore(1)
    semaphore:with(function() end)
    error_of(semaphore.with, semaphore, raiser "x")
    local scope = weft.move_on_after(1, function()
      semaphore:with(weft.sleep_forever)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(1, semaphore:value())
    assert.equal(1, weft.now())
  end)
end)

describe("weft.with and what is acquired", function()
  local made = {
    lock = function() return weft.lock() end,
    semaphore = function() return weft.semaphore(1) end,
    limiter = function() return weft.limiter(1) end,
    condition = function() return weft.condition() end,
  }
  for name, make in pairs(made) do
    it("acquires a " .. name .. " and releases it [12.3, 12.10]", function()
      local object, inside, most = make(), 0, 0
      local function job()
        weft.with(object, function(value)
          assert.equal(object, value)
          inside = inside + 1
          most = math.max(most, inside)
          weft.yield()
          inside = inside - 1
        end)
      end
      weft.gather { job, job, job }
      assert.equal(1, most)
      object:acquire()
      object:release()
    end)
  end
end)
