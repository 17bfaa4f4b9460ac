-- Contexts: resources made of a function that yields once.
local weft = require "weft"
local owner = require "weft.owner"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local virtual = testing.virtual
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function raiser(err)
  return function() error(err, 0) end
end

-- Runs all that is ready, some turns long.
local function settle()
  for _ = 1, 5 do weft.yield() end
end

-- -- Entering and leaving ---------------------------------------------------

describe("a context", function()
  it("runs what precedes its yield to enter, what follows to leave [12.6]",
    function()
      local log = {}
      local open = weft.context(function(yield)
        log[#log + 1] = "before"
        local n = select("#", yield "value")
        log[#log + 1] = "after " .. n
      end)
      local results = { weft.with(open(), function(value)
        log[#log + 1] = value
        return 1, nil, 3
      end) }
      assert.same({ "before", "value", "after 0" }, log)
      assert.same({ 1, nil, 3 }, results)
    end)

  it("gets the arguments of the call that made it, nils included", function()
    local got, n
    local open = weft.context(function(yield, ...)
      got, n = { ... }, select("#", ...)
      yield()
    end)
    weft.with(open(1, nil, 3, nil), function() end)
    assert.equal(4, n)
    assert.same({ 1, nil, 3 }, got)
  end)

  it("gives with the first value that is yielded, enter() all", function()
    local open = weft.context(function(yield) yield(1, nil, 3) end)
    weft.with(open(), function(...)
      assert.same({ 1 }, { ... })
    end)
    local object = open()
    assert.same({ 1, nil, 3 }, { object:enter() })
    assert.is_false(object:exit())
  end)

  it("tells by what exit returns whether the error is handled [12.5, 12.6]",
    function()
      local function exit_of(fn, err)
        local object = weft.context(fn)()
        object:enter()
        return object:exit(err)
      end
      assert.is_false(exit_of(function(yield) yield() end, weft.Error "x"))
      assert.is_false(exit_of(function(yield) yield() end, "text"))
      assert.is_true(exit_of(function(yield) pcall(yield) end, "text"))
      assert.equal("other", error_of(exit_of, function(yield)
        pcall(yield)
        error("other", 0)
      end, "text"))
    end)

  it("starts nothing before it is entered; each is a run of its own", function()
    local runs = 0
    local open = weft.context(function(yield)
      runs = runs + 1
      yield(runs)
    end)
    local first, second = open(), open()
    assert.equal(0, runs)
    weft.with(second, first, function(a, b)
      assert.same({ 1, 2 }, { a, b })
    end)
  end)

  it("may wait on both sides of its yield [13.1]", function()
    local open = weft.context(function(yield)
      weft.sleep(1)
      yield()
      weft.sleep(2)
    end)
    weft.with(open(), function() weft.sleep(4) end)
    assert.equal(7, weft.now())
  end)

  it("runs in the task that enters it [13.6]", function()
    local tasks = {}
    local open = weft.context(function(yield)
      tasks[1] = weft.current_task()
      yield()
      tasks[2] = weft.current_task()
    end)
    local task = weft.spawn(function() weft.with(open(), weft.yield) end)
    task:await()
    assert.same({ task, task }, tasks)
  end)

  it("can be entered once, and left once", function()
    local object = weft.context(function(yield) yield() end)()
    fails("InvalidStateError", object.exit, object)
    weft.with(object, function()
      fails("InvalidStateError", object.enter, object)
    end)
    fails("InvalidStateError", object.exit, object)
    local err = fails("InvalidStateError", weft.with, object, function() end)
    assert.is_truthy(err.message:find("entered once", 1, true))
  end)

  it("refuses what is no function", function()
    refuses({ "fn", "function", "nil" }, weft.context)
    refuses({ "fn", "function", "table" }, weft.context, {})
  end)

  it("needs a task to be entered [1.11]", testing.plain(function()
    local object = weft.context(function(yield) yield() end)()
    fails("InvalidStateError", object.enter, object)
    virtual(function() weft.with(object, function() end) end)()
  end))

  it("is neither entered nor left where it could not wait [13.3]", function()
    local object = weft.context(function(yield) yield() end)()
    local function inside(method)
      return function() method(object) end
    end
    fails("InvalidStateError", table.sort, { 2, 1 }, inside(object.enter))
    object:enter()
    fails("InvalidStateError", table.sort, { 2, 1 }, inside(object.exit))
    object:exit()
  end)
end)

-- -- Errors -------------------------------------------------------------------

describe("an error of the body", function()
  it("is raised at the yield, untouched; raising it on changes nothing [12.6]",
    function()
      for _, mine in ipairs { "text", {}, weft.OSError "x", 5 } do
        local got
        local open = weft.context(function(yield)
          local ok, err = pcall(yield)
          got = { ok, err }
          error(err, 0)
        end)
        assert.equal(mine, error_of(weft.with, open(), raiser(mine)))
        assert.same({ false, mine }, got)
        assert.equal(mine, error_of(weft.with,
          weft.context(function(yield) yield() end)(), raiser(mine)))
      end
    end)

  it("is handled where the function returns after it [12.6, 12.5]", function()
    local log = {}
    local open = weft.context(function(yield)
      pcall(yield)
      return "dropped"
    end)
    local outer = {
      enter = function() end,
      exit = function(_, err) log[#log + 1] = err or "none" end,
    }
    assert.equal(0, select("#", weft.with(outer, open(), raiser "x")))
    assert.same({ "none" }, log)
  end)

  it("is replaced by another that the function raises, whose cause it is "
    .. "[12.4, 10.10]", function()
    local first, second = weft.Error "first", weft.Error "second"
    local open = weft.context(function(yield)
      pcall(yield)
      error(second)
    end)
    local err = error_of(weft.with, open(), raiser(first))
    assert.equal(second, err)
    assert.equal(first, err.cause)
  end)

  it("that is nil comes to the yield as an error object [12.4]", function()
    local got
    local open = weft.context(function(yield)
      got = select(2, pcall(yield))
    end)
    weft.with(open(), raiser(nil))
    assert.is_true(got:is "Error")
  end)

  it("keeps its traceback through the function and its scopes [10.3]",
    function()
      local function body_that_fails() error "in the body" end
      local open = weft.context(function(yield)
        weft.timeout(5, function()
          weft.scope(function()
            weft.finally(yield, function() pcall(error, "cleaning") end)
          end)
        end)
      end)
      local _, object = weft.try(weft.with, open(), function()
        body_that_fails()
      end)
      assert.is_truthy(object.value:find "in the body$")
      assert.is_truthy(object.traceback:find("body_that_fails", 1, true),
        object.traceback)
      local group = weft.context(function(yield)
        weft.group(function() yield() end)
      end)
      object = error_of(weft.with, group(), function() body_that_fails() end)
      assert.is_truthy(object.errors[1].traceback:find("body_that_fails", 1,
        true), object.errors[1].traceback)
    end)
end)

describe("an equal error raised elsewhere", function()
  it("has a traceback of its own [10.3]", function()
    local function first_that_fails() error("text", 0) end
    local function second_that_fails() error("text", 0) end
    local later
    local open = weft.context(function(yield)
      pcall(weft.scope, function() yield() end)
      later = select(2, weft.try(function() second_that_fails() end))
    end)
    weft.with(open(), function() first_that_fails() end)
    assert.is_truthy(later.traceback:find("second_that_fails", 1, true))
    assert.is_nil(later.traceback:find("first_that_fails", 1, true))
  end)
end)

describe("an error of the function", function()
  it("before its yield fails the entering, and keeps its traceback "
    .. "[12.3, 10.3]", function()
    local function setup_that_fails() error "no" end
    local open = weft.context(function(yield)
      setup_that_fails()
      yield()
    end)
    local ran = false
    local _, err = weft.try(weft.with, open(), function() ran = true end)
    assert.is_false(ran)
    assert.is_truthy(err.value:find "no$")
    assert.is_truthy(err.traceback:find("setup_that_fails", 1, true))
    local mine = weft.OSError "x"
    assert.equal(mine,
      error_of(weft.with, weft.context(raiser(mine))(), function() end))
  end)

  it("after its yield is raised by with, without a cause where nothing was in "
    .. "flight [12.4]", function()
    local mine = weft.Error "mine"
    local open = weft.context(function(yield)
      yield()
      error(mine)
    end)
    assert.equal(mine, error_of(weft.with, open(), function() end))
    assert.is_nil(mine.cause)
  end)
end)

-- -- Yields -------------------------------------------------------------------

describe("the yield", function()
  it("that does not come is an InvalidStateError [12.6]", function()
    local err = fails("InvalidStateError", weft.with,
      weft.context(function() return true end)(), function() end)
    assert.is_truthy(err.message:find("without calling yield", 1, true))
  end)

  it("that comes a second time is an InvalidStateError, and unwinds what the "
    .. "function has open [12.6]", function()
    local log = {}
    local open = weft.context(function(yield)
      yield(1)
      weft.timeout(5, function()
        weft.finally(function() yield(2) end,
          function(err) log[#log + 1] = err.name end)
      end)
    end)
    local err = fails("InvalidStateError", weft.with, open(), function() end)
    assert.is_truthy(err.message:find("second", 1, true))
    assert.same({ "InvalidStateError" }, log)
    weft.sleep(10)
  end)

  it("that comes a second time is told though the function catches it, with "
    .. "the body's error as cause [12.6]", function()
    local mine = weft.Error "mine"
    local open = weft.context(function(yield)
      for _ = 1, 3 do if pcall(yield) then return end end
    end)
    local err = fails("InvalidStateError", weft.with, open(), raiser(mine))
    assert.equal(mine, err.cause)
  end)

  it("is for the function alone: in another task, coroutine or later it is an "
    .. "InvalidStateError", function()
    local errs, kept = {}, nil
    local open = weft.context(function(yield)
      kept = yield
      errs[1] = error_of(coroutine.wrap(function() yield() end))
      local task = weft.spawn(function() yield() end)
      errs[2] = error_of(task.await, task)
      yield "right"
    end)
    weft.with(open(), function(value)
      assert.equal("right", value)
      errs[3] = error_of(kept, "wrong")
    end)
    errs[4] = error_of(kept)
    for i = 1, 4 do assert.is_true(errs[i]:is "InvalidStateError") end
  end)

  it("across a C boundary is an InvalidStateError that names it [13.3]",
    function()
      local err
      local open = weft.context(function(yield)
        err = error_of(table.sort, { 2, 1 }, function() yield() end)
        yield "right"
      end)
      weft.with(open(), function(value) assert.equal("right", value) end)
      assert.is_truthy(err.message:find("table.sort", 1, true), err.message)
    end)

  it("is the only one: coroutine.yield in the function is an "
    .. "InvalidStateError, on both sides [13.2]", function()
    local errs = {}
    local open = weft.context(function(yield)
      errs[1] = error_of(coroutine.yield, 1)
      yield()
      errs[2] = error_of(coroutine.yield, 2)
    end)
    coroutine.wrap(function() weft.with(open(), function() end) end)()
    for i = 1, 2 do
      assert.is_true(errs[i]:is "InvalidStateError")
      assert.is_truthy(errs[i].message:find("context's function", 1, true))
    end
  end)

  it("leaves coroutines that the function makes alone [13.2]", function()
    local open = weft.context(function(yield)
      local numbers = coroutine.wrap(function()
        for i = 1, 3 do coroutine.yield(i) end
      end)
      yield(numbers() + numbers())
      assert.equal(3, numbers())
    end)
    weft.with(open(), function(sum) assert.equal(3, sum) end)
  end)
end)

-- -- Cancellation -------------------------------------------------------------

describe("cancelling", function()
  it("while it is entered unwinds the function; it is not entered "
    .. "[12.3, 13.9]", function()
    local log = {}
    local open = weft.context(function(yield)
      weft.finally(weft.sleep_forever, function(err)
        weft.sleep(1)
        log[#log + 1] = err.name
      end)
      yield()
    end)
    local scope = weft.move_on_after(1, function()
      weft.with(open(), function() log[#log + 1] = "body" end)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "CancelledError" }, log)
    assert.equal(2, weft.now())
  end)

  it("the body raises Cancelled at the yield; what follows may wait [12.1]",
    function()
      local log = {}
      local open = weft.context(function(yield)
        local _, err = pcall(yield)
        weft.sleep(1)
        log[#log + 1] = err.name
        error(err)
      end)
      local scope = weft.move_on_after(1, function()
        weft.with(open(), weft.sleep_forever)
      end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "CancelledError" }, log)
      assert.equal(2, weft.now())
    end)

  it("is not handled by a function that swallows it in cancelled code "
    .. "[12.5, 6.6]", function()
    local after = false
    local open = weft.context(function(yield) pcall(yield) end)
    local scope = weft.move_on_after(1, function()
      weft.with(open(), weft.sleep_forever)
      after = true
    end)
    assert.is_false(after)
    assert.is_true(scope:cancelled_caught())
  end)

  it("in the middle of what follows the yield shows after it [12.1]", function()
    local log = {}
    local open = weft.context(function(yield)
      yield()
      weft.sleep(2)
      log[#log + 1] = "left"
    end)
    local scope = weft.move_on_after(1, function()
      local result = weft.with(open(), function() return "body" end)
      log[#log + 1] = result
      weft.checkpoint()
      log[#log + 1] = "on"
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "left", "body" }, log)
  end)

  it("cannot be stopped by a pcall in the body [6.6]", function()
    local tries = 0
    local open = weft.context(function(yield)
      weft.timeout(1, function() yield() end)
    end)
    local err = fails("TimeoutError", weft.with, open(), function()
      for _ = 1, 3 do
        pcall(weft.sleep_forever)
        tries = tries + 1
      end
      weft.sleep(1)
    end)
    assert.equal(3, tries)
    assert.is_true(err.cause:is "CancelledError")
    assert.equal(1, weft.now())
  end)

  it("leaves nothing behind, wherever it comes [3.5, 12.1, 12.7]", function()
    for tick = 0, 10 do
      local open, entered, done, started = 0, 0, false, weft.now()
      local make = weft.context(function(yield)
        weft.sleep(1)
        open, entered = open + 1, entered + 1
        weft.finally(function()
          weft.timeout(100, function() weft.group(function() yield() end) end)
          weft.sleep(1)
        end, function() open = open - 1 end)
      end)
      local scope = weft.move_on_after(tick + 0.5, function()
        weft.with(make(), make(), function() weft.sleep(3) end)
        weft.checkpoint()
        done = true
      end)
      assert.equal(0, open)
      assert.equal(math.min(tick, 2), entered)
      assert.equal(tick >= 7, done)
      assert.equal(not done, scope:cancelled_caught())
      -- What follows the timeout is skipped by Cancelled.
      assert.equal(tick < 5 and tick + 0.5 or 7, weft.now() - started)
      assert.is_nil(next(owner.owned))
    end
  end)
end)

-- -- Nested -------------------------------------------------------------------

describe("contexts", function()
  it("side by side nest as they stand: each governs what follows it [12.7]",
    function()
      local log = {}
      local function timed(name, seconds)
        return weft.context(function(yield)
          weft.finally(function()
            weft.timeout(seconds, function() yield(name) end)
          end, function(err) log[#log + 1] = name .. " " .. err.name end)
        end)()
      end
      local plain = {
        enter = function() return "plain" end,
        exit = function(_, err)
          weft.sleep(1)
          log[#log + 1] = "plain " .. err.name
        end,
      }
      local err = fails("TimeoutError", weft.with, timed("outer", 5), plain,
        timed("inner", 2), weft.sleep_forever)
      assert.is_true(err.cause:is "CancelledError")
      assert.same({ "inner TimeoutError", "plain TimeoutError",
        "outer TimeoutError" }, log)
      assert.equal(3, weft.now())
    end)

  it("may yield inside a with of another [12.7]", function()
    local log = {}
    local base = weft.context(function(yield, name)
      weft.timeout(5, function() yield(name) end)
      log[#log + 1] = name .. " left"
    end)
    local derived = weft.context(function(yield)
      weft.with(base "a", base "b", function(a, b)
        yield(a .. b)
        weft.sleep(1)
        log[#log + 1] = "between"
      end)
    end)
    assert.equal("ab!", weft.with(derived(), function(text)
      return text .. "!"
    end))
    assert.same({ "between", "b left", "a left" }, log)
    log = {}
    local err = fails("TimeoutError", weft.with, derived(), weft.sleep_forever)
    assert.is_true(err.cause:is "CancelledError")
    assert.same({}, log)
    assert.is_nil(next(owner.owned))
  end)

  it("made of others go on shielded after leaving them, and know what these "
    .. "absorbed [12.7, 12.1, 12.4]", function()
    local mine, left = weft.Error "mine", nil
    local limited = weft.context(function(yield)
      weft.move_on_after(1, function() yield() end)
    end)
    local open = weft.context(function(yield)
      weft.with(limited(), yield)
      weft.sleep(2)
      left = weft.now()
      error(mine)
    end)
    local scope = weft.move_on_after(2, function()
      local err = error_of(weft.with, open(), weft.sleep_forever)
      assert.equal(mine, err)
      assert.is_nil(err.cause)
      weft.checkpoint()
    end)
    assert.equal(3, left)
    assert.is_true(scope:cancelled_caught())
  end)

  it("may be made of contexts that are made of contexts [12.7, 12.1]",
    function()
      local log = {}
      local function made_of(make, name)
        return weft.context(function(yield)
          weft.finally(function()
            weft.stack(function(s) yield(s:enter(make()) .. name) end)
          end, function(err)
            weft.sleep(1)
            log[#log + 1] = name .. " " .. (err and err.name or "fine")
          end)
        end)
      end
      local function timed()
        return weft.context(function(yield)
          weft.timeout(2, function()
            weft.finally(function() yield "a" end, function()
              weft.sleep(1)
              log[#log + 1] = "a"
            end)
          end)
        end)()
      end
      local open = made_of(made_of(made_of(timed, "b"), "c"), "d")
      assert.equal("abcd", weft.with(open(), function(v) return v end))
      assert.same({ "a", "b fine", "c fine", "d fine" }, log)
      assert.equal(4, weft.now())
      log = {}
      local mine = weft.Error "mine"
      local shielding = { enter = function() end, exit = function()
        weft.sleep(1)
        error(mine)
      end }
      local scope = weft.move_on_after(4, function()
        local err = error_of(weft.with, shielding, open(), weft.sleep_forever)
        assert.equal(mine, err)
        assert.is_true(err.cause:is "TimeoutError")
        assert.is_true(err.cause.cause:is "CancelledError")
        weft.checkpoint()
      end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "a", "b TimeoutError", "c TimeoutError",
        "d TimeoutError" }, log)
      assert.equal(11, weft.now())
      assert.is_nil(next(owner.owned))
    end)

  it("may yield inside an exit, or in a cleanup [12.1, 12.7]", function()
    local log = {}
    local open = weft.context(function(yield)
      weft.with({
        enter = function() end,
        exit = function()
          weft.finally(function() end, function()
            yield "value"
            weft.sleep(1)
          end)
          weft.sleep(1)
          log[#log + 1] = "exit ended"
        end,
      }, function() end)
      weft.sleep(1)
      log[#log + 1] = "outside"
    end)
    local scope = weft.move_on_after(1, function()
      local result = weft.with(open(), function(value)
        weft.sleep(3) -- in the exit's shield
        return value
      end)
      log[#log + 1] = result
      weft.checkpoint()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "exit ended", "outside", "value" }, log)
    assert.equal(6, weft.now())
    assert.is_nil(next(owner.owned))
  end)

  it("may be entered in a coroutine of the user's, which cannot yield out of "
    .. "their scopes [13.7]", function()
    local open = weft.context(function(yield, wrap)
      wrap(function() yield() end)
    end)
    local function scoped(fn) weft.scope(fn) end
    local function directly(fn) fn() end
    local values = coroutine.wrap(function()
      weft.with(open(directly), function() coroutine.yield(1) end)
      local err = error_of(weft.with, open(scoped), function()
        coroutine.yield(2)
      end)
      coroutine.yield(err)
    end)
    assert.equal(1, values())
    assert.is_true(values():is "InvalidStateError")
  end)

  it("share the task's context variables [15.3]", function()
    local var, seen = weft.context_var("var", "default"), {}
    local open = weft.context(function(yield)
      var:set "by the function"
      yield()
      seen[2] = var:get()
    end)
    weft.with(open(), function()
      seen[1] = var:get()
      var:set "by the body"
    end)
    assert.same({ "by the function", "by the body" }, seen)
    assert.equal("by the body", var:get())
  end)

  it("in a generator's body are left when that is closed [14.5, 12.1]",
    function()
      local log = {}
      local open = weft.context(function(yield)
        weft.sleep(1)
        local _, err = pcall(yield, "value")
        weft.sleep(1)
        log[#log + 1] = err.name .. " " .. err.source
        error(err)
      end)
      local numbers = weft.generator(function(yield)
        weft.with({
          enter = function() end,
          exit = function(_, err) log[#log + 1] = "exit " .. err.source end,
        }, open(), function(_, value)
          yield(value)
          yield "not reached"
        end)
        log[#log + 1] = "not reached"
      end)
      local scope = weft.move_on_after(2, function()
        weft.scope(function()
          assert.equal("value", numbers():next())
          weft.sleep_forever()
        end)
      end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "CancelledError close", "exit close" }, log)
      assert.equal(3, weft.now())
      assert.is_nil(next(owner.owned))
    end)

  it("that open scopes keep a generator's body from yielding in them [13.7]",
    function()
      local open = weft.context(function(yield)
        weft.scope(function() yield() end)
      end)
      local numbers = weft.generator(function(yield)
        weft.with(open(), function() yield(1) end)
      end)
      local values = numbers()
      fails("InvalidStateError", values.next, values)
    end)

  it("own no generator that their function makes before the yield: who enters "
    .. "does [14.7]", function()
    local log = {}
    local numbers = weft.generator(function(yield)
      weft.finally(function() yield(1) end,
        function() log[#log + 1] = "closed" end)
    end)
    local open = weft.context(function(yield)
      local values = numbers()
      yield(values:next())
      log[#log + 1] = "left"
    end)
    weft.scope(function()
      weft.with(open(), function() log[#log + 1] = "body" end)
      log[#log + 1] = "after"
    end)
    assert.same({ "body", "left", "after", "closed" }, log)
  end)

  it("of one task leave the others alone", function()
    local open = weft.context(function(yield, seconds)
      weft.timeout(seconds, function() yield() end)
    end)
    local ends = {}
    for i = 3, 1, -1 do
      weft.spawn(function()
        pcall(weft.with, open(i), weft.sleep_forever)
        ends[#ends + 1] = i .. " at " .. weft.now()
      end)
    end
    weft.sleep(5)
    settle()
    assert.same({ "1 at 1", "2 at 2", "3 at 3" }, ends)
  end)
end)
