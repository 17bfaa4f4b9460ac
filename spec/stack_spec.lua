-- Stacks: what is to be left at the end, as it comes.
local weft = require "weft"
local owner = require "weft.owner"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

-- A resource that logs what is done with it.
local function logged(log, name, exit)
  return {
    enter = function()
      log[#log + 1] = "enter " .. name
      return name, "more"
    end,
    exit = function(_, err)
      log[#log + 1] = "exit " .. name .. (err and " " .. tostring(err) or "")
      if exit then return exit(err) end
    end,
  }
end

local function raiser(err)
  return function() error(err, 0) end
end

-- -- What it does -----------------------------------------------------------

describe("weft.stack", function()
  it("unwinds in reverse what was entered, deferred and registered [12.8]",
    function()
      local log = {}
      local function note(...) log[#log + 1] = table.concat({ ... }, " ") end
      weft.stack(function(s)
        s:enter(logged(log, "a"))
        s:defer(note, "deferred", 1)
        s:enter { close = function() note "closed" end }
        s:callback(function(err) note("called", tostring(err)) end)
        s:enter(logged(log, "b"))
        note "body"
      end)
      assert.same({ "enter a", "enter b", "body", "exit b", "called nil",
        "closed", "deferred 1", "exit a" }, log)
    end)

  it("returns fn's results, nils included", function()
    local function body(s)
      s:defer(function() return "dropped" end)
      return nil, 2, nil
    end
    assert.same({ nil, 2, nil }, { weft.stack(body) })
    assert.equal(3, select("#", weft.stack(body)))
  end)

  it("gives the value of what is entered: the first of enter, or itself",
    function()
      local file = { close = function() end }
      weft.stack(function(s)
        assert.same({ "a" }, { s:enter(logged({}, "a")) })
        assert.equal(file, s:enter(file))
        assert.same({ n = 1 }, { n = select("#", s:enter {
          enter = function() end, exit = function() end,
        }) })
      end)
    end)

  it("calls what is deferred with its arguments, nils included [12.8]",
    function()
      local got, n
      weft.stack(function(s)
        s:defer(function(...) got, n = { ... }, select("#", ...) end,
          1, nil, 3, nil)
      end)
      assert.equal(4, n)
      assert.same({ 1, nil, 3 }, got)
    end)

  it("gives exits and callbacks the error in flight, and deferred functions "
    .. "their arguments alone [12.8, 12.4]", function()
    local log = {}
    local n
    local err = error_of(weft.stack, function(s)
      s:enter(logged(log, "a"))
      s:callback(function(e) log[#log + 1] = "called " .. e end)
      s:defer(function(...) n = select("#", ...) end)
      error("x", 0)
    end)
    assert.equal("x", err)
    assert.equal(0, n)
    assert.same({ "enter a", "called x", "exit a x" }, log)
  end)

  it("goes on after a hook that fails; its error is the one in flight, with "
    .. "the other as cause [12.8, 12.4, 10.10]", function()
    local errs = {}
    for i = 1, 5 do errs[i] = weft.Error("number " .. i) end
    local log = {}
    local err = error_of(weft.stack, function(s)
      s:enter(logged(log, "first"))
      s:enter(logged(log, "a", raiser(errs[5])))
      s:callback(raiser(errs[4]))
      s:defer(raiser(errs[3]))
      s:enter { close = raiser(errs[2]) }
      error(errs[1])
    end)
    for i = 5, 1, -1 do
      assert.equal(errs[i], err)
      err = err.cause
    end
    assert.is_nil(err)
    assert.equal("exit first Error: number 5", log[#log])
  end)

  it("is handled by a true result of an exit or a callback, not of what is "
    .. "deferred or closed [12.8, 12.5]", function()
    local function yes() return true end
    local log = {}
    assert.equal(0, select("#", weft.stack(function(s)
      s:callback(function(err) log[#log + 1] = tostring(err) end)
      s:callback(yes)
      error "x"
    end)))
    assert.same({ "nil" }, log)
    assert.equal(0, select("#", weft.stack(function(s)
      s:enter(logged({}, "a", yes))
      error "x"
    end)))
    assert.equal("x", error_of(weft.stack, function(s)
      s:defer(yes)
      s:enter { close = yes }
      error("x", 0)
    end))
  end)

  it("does not have Cancelled dropped in cancelled code [12.5]", function()
    local after = false
    local scope = weft.move_on_after(1, function()
      weft.stack(function(s)
        s:callback(function() return true end)
        weft.sleep_forever()
      end)
      after = true
    end)
    assert.is_false(after)
    assert.is_true(scope:cancelled_caught())
  end)

  it("leaves what was entered when the next enter fails or is cancelled "
    .. "[12.3, 3.5]", function()
    local log = {}
    error_of(weft.stack, function(s)
      s:enter(logged(log, "a"))
      s:enter { enter = raiser "no", exit = raiser "not called" }
    end)
    local scope = weft.move_on_after(1, function()
      weft.stack(function(s)
        s:enter(logged(log, "b"))
        s:enter { enter = weft.sleep_forever, exit = raiser "not called" }
      end)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "enter a", "exit a no", "enter b",
      "exit b CancelledError: cancelled by deadline" }, log)
  end)

  it("shields every hook, and shows a cancellation after them [12.1]",
    function()
      local log = {}
      local function slow(name)
        weft.sleep(1)
        log[#log + 1] = name .. " at " .. weft.now()
      end
      local scope = weft.move_on_after(1, function()
        weft.stack(function(s)
          s:enter(logged({}, "a", function() slow "exit" end))
          s:defer(slow, "deferred")
          s:callback(function() slow "callback" end)
          s:enter { close = function() slow "close" end }
          weft.sleep_forever()
        end)
      end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "close at 2", "callback at 3", "deferred at 4",
        "exit at 5" }, log)
      scope = weft.move_on_after(1, function()
        log[1] = weft.stack(function(s)
          s:defer(weft.sleep, 5)
          return "result"
        end)
        weft.checkpoint()
        log[1] = "not reached"
      end)
      assert.is_true(scope:cancelled_caught())
      assert.equal("result", log[1])
    end)

  it("lets nothing leak wherever the cancellation comes [3.5, 12.1]", function()
    for tick = 0, 9 do
      local open, done = 0, false
      local scope = weft.move_on_after(tick + 0.5, function()
        weft.stack(function(s)
          for _ = 1, 3 do
            s:enter {
              enter = function()
                weft.sleep(1)
                open = open + 1
              end,
              exit = function()
                weft.sleep(1)
                open = open - 1
              end,
            }
          end
          weft.sleep(1)
        end)
        weft.checkpoint()
        done = true
      end)
      assert.equal(0, open)
      assert.equal(tick >= 7, done)
      assert.equal(not done, scope:cancelled_caught())
    end
  end)

  it("refuses what is no function, and needs a task [1.11]",
    testing.plain(function()
      local called = false
      refuses({ "stack", "fn", "function", "table" }, weft.stack, {})
      local err = fails("InvalidStateError", weft.stack,
        function() called = true end)
      assert.is_truthy(err.message:find("weft.stack", 1, true))
      assert.is_false(called)
    end))
end)

-- -- Misuse -------------------------------------------------------------------

describe("a stack", function()
  it("refuses what it cannot keep [12.3]", function()
    weft.stack(function(s)
      refuses({ "stack:enter", "resource", "number" }, s.enter, s, 5)
      refuses({ "stack:enter", "enter() alone" }, s.enter, s, { enter = print })
      refuses({ "stack:defer", "function", "nil" }, s.defer, s)
      refuses({ "stack:callback", "function", "string" }, s.callback, s, "x")
    end)
  end)

  it("is of no use after its end: InvalidStateError, and nothing is entered "
    .. "[12.8]", function()
    local kept, log = nil, {}
    weft.stack(function(s) kept = s end)
    error_of(weft.stack, function(s)
      kept = s
      error "x"
    end)
    fails("InvalidStateError", kept.enter, kept, logged(log, "a"))
    fails("InvalidStateError", kept.defer, kept, print)
    local err = fails("InvalidStateError", kept.callback, kept, print)
    assert.is_truthy(err.message:find("has ended", 1, true))
    assert.same({}, log)
  end)

  it("takes more while it is unwound, and does it next [12.8]", function()
    local log = {}
    local function note(text) log[#log + 1] = text end
    weft.stack(function(s)
      s:defer(note, "first")
      s:defer(function()
        s:defer(note, "added")
        s:enter(logged(log, "a"))
      end)
    end)
    assert.same({ "enter a", "exit a", "added", "first" }, log)
  end)

  it("leaves at once what was entered for it too late [12.8]", function()
    local log, task = {}, nil
    weft.stack(function(s)
      task = weft.spawn(function()
        return fails("InvalidStateError", s.enter, s, {
          enter = function() weft.sleep(1) end,
          exit = function(_, err)
            weft.sleep(1)
            log[#log + 1] = err.name
          end,
        })
      end)
      weft.yield()
    end)
    task:await()
    assert.same({ "InvalidStateError" }, log)
    assert.equal(2, weft.now())
  end)

  it("may be handed to a child task, which adds to it [12.8]", function()
    local log = {}
    weft.stack(function(s)
      weft.group(function(g)
        g:spawn(function()
          s:enter(logged(log, "a"))
          s:enter(weft.context(function(yield)
            yield()
            log[#log + 1] = "context left"
          end)())
        end)
      end)
      log[#log + 1] = "body"
    end)
    assert.same({ "enter a", "body", "context left", "exit a" }, log)
  end)
end)

-- -- Contexts on it -----------------------------------------------------------

describe("a context on a stack", function()
  local function timed(log, name, seconds)
    return weft.context(function(yield)
      weft.finally(function()
        weft.timeout(seconds, function(scope)
          weft.finally(function() yield(scope) end,
            function() weft.sleep(1) end)
        end)
      end, function(err)
        log[#log + 1] = name .. " " .. (err and err.name or "fine")
      end)
    end)()
  end

  it("governs what follows in the stack's function [12.7, 12.8]", function()
    local log = {}
    local err = fails("TimeoutError", weft.stack, function(s)
      s:enter(timed(log, "outer", 9))
      s:enter(logged(log, "a"))
      s:enter(timed(log, "inner", 2))
      s:defer(weft.sleep, 1)
      weft.sleep_forever()
    end)
    assert.is_true(err.cause:is "CancelledError")
    assert.same({ "enter a", "inner TimeoutError", "exit a "
      .. "TimeoutError: timed out after 2 s", "outer TimeoutError" }, log)
    assert.equal(5, weft.now())
    assert.is_nil(next(owner.owned))
  end)

  it("that opens scopes is refused inside another scope, and left there "
    .. "[6.17]", function()
    local log = {}
    weft.stack(function(s)
      weft.scope(function()
        local err = fails("InvalidStateError", s.enter, s,
          timed(log, "inside", 5))
        assert.is_truthy(err.message:find("stack's function", 1, true))
      end)
      assert.same({ "inside InvalidStateError" }, log)
      s:enter(timed(log, "right", 5))
      weft.timeout(1, function()
        s:enter(weft.context(function(yield) yield() end)())
      end)
    end)
    assert.same({ "inside InvalidStateError", "right fine" }, log)
  end)

  it("may be the stack's own: a context that yields inside a stack "
    .. "[12.7, 12.8]", function()
    local log = {}
    local open = weft.context(function(yield)
      weft.stack(function(s)
        s:enter(timed(log, "a", 3))
        s:enter(logged(log, "b"))
        yield(s)
        weft.sleep(1)
        log[#log + 1] = "rest"
      end)
    end)
    weft.with(open(), function(s) s:enter(logged(log, "c")) end)
    assert.same({ "enter b", "enter c", "rest", "exit c", "exit b", "a fine" },
      log)
    log = {}
    fails("TimeoutError", weft.with, open(), weft.sleep_forever)
    assert.same({ "enter b", "exit b CancelledError: cancelled by deadline",
      "a TimeoutError" }, log)
  end)
end)

describe("nested stacks, withs and contexts", function()
  it("unwind in one order, and keep every error [12.8, 12.4]", function()
    local log, errs = {}, {}
    for i = 1, 3 do errs[i] = weft.Error("number " .. i) end
    local group = weft.context(function(yield)
      weft.group(function(g)
        g:spawn(function()
          weft.finally(weft.sleep_forever, function()
            weft.sleep(1)
            log[#log + 1] = "child cleaned"
          end)
        end)
        yield(g)
      end)
    end)
    local err
    local scope = weft.move_on_after(9, function()
      err = error_of(weft.with, logged(log, "a"), function()
        weft.stack(function(s)
          s:callback(raiser(errs[3]))
          s:enter(group())
          s:defer(raiser(errs[2]))
          weft.with(logged(log, "b"), raiser(errs[1]))
        end)
      end)
      weft.sleep_forever()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "enter a", "enter b", "exit b Error: number 1",
      "child cleaned", "exit a Error: number 3" }, log)
    assert.equal(errs[3], err)
    assert.is_true(err.cause:is "ErrorGroup")
    assert.same({ errs[2] }, err.cause.errors)
    assert.equal(errs[1], errs[2].cause)
  end)
end)
