-- Contexts that have scopes, timeouts and groups around their yield.
local weft = require "weft"
local owner = require "weft.owner"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails = helper.fails

testing.options { virtual = true }

local function raiser(err)
  return function() error(err, 0) end
end

-- An object to be owned that logs its closing.
local function own(log, name)
  local object = {
    close = function(self)
      owner.remove(self)
      log[#log + 1] = name .. " closed"
    end,
  }
  owner.add(object)
  return object
end

-- -- Scopes around the yield ------------------------------------------------

describe("a timeout around the yield", function()
  local function timed(log, seconds, slow)
    return weft.context(function(yield)
      weft.timeout(seconds, function()
        weft.finally(yield, function()
          if slow then weft.sleep(slow) end
          log[#log + 1] = "cleaned at " .. weft.now()
        end)
      end)
    end)
  end

  it("governs the body: it converts as if written there [12.7, 7.4]", function()
    local log, deadline = {}, nil
    local err = fails("TimeoutError", weft.with, timed(log, 2, 3)(),
      function()
        deadline = weft.current_deadline()
        weft.sleep(10)
      end)
    assert.equal(2, deadline)
    assert.is_true(err.cause:is "CancelledError")
    assert.is_nil(err.cause.cause)
    assert.same({ "cleaned at 5" }, log)
    assert.is_nil(weft.current_deadline())
  end)

  it("lets results and errors of a body in time pass [12.7]", function()
    local mine = weft.Error "mine"
    assert.equal("fine",
      weft.with(timed({}, 2)(), function() return "fine" end))
    assert.equal(mine, error_of(weft.with, timed({}, 2)(), raiser(mine)))
    assert.is_nil(mine.cause)
    weft.sleep(5)
  end)

  it("that is due while the rest runs changes nothing [12.1, 7.8]", function()
    local log = {}
    assert.equal("fine",
      weft.with(timed(log, 2, 5)(), function() return "fine" end))
    assert.same({ "cleaned at 5" }, log)
  end)

  it("does not convert what an outer scope caused [12.7, 7.6]", function()
    local scope = weft.move_on_after(1, function()
      weft.with(timed({}, 2, 5)(), weft.sleep_forever)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(6, weft.now())
  end)

  it("that is cancelled with an outer one leaves it to that [12.7, 7.7]",
    function()
      local scope = weft.move_on_after(2, function()
        weft.with(timed({}, 2)(), weft.sleep_forever)
      end)
      assert.is_true(scope:cancelled_caught())
    end)
end)

describe("a scope around the yield", function()
  it("absorbs its own cancellation, and with returns nothing [12.7, 6.12]",
    function()
      local inner, log = nil, {}
      local open = weft.context(function(yield)
        inner = weft.move_on_after(1, yield)
        log[#log + 1] = "on"
      end)
      local outer = { enter = function() end,
        exit = function(_, err) log[#log + 1] = err or "none" end }
      assert.equal(0, select("#",
        weft.with(outer, open(), weft.sleep_forever)))
      assert.is_true(inner:cancelled_caught())
      assert.same({ "on", "none" }, log)
    end)

  it("can be cancelled by the body [12.7]", function()
    local open = weft.context(function(yield)
      weft.scope(function(scope) yield(scope) end)
    end)
    local after = false
    weft.with(open(), function(scope)
      scope:cancel()
      weft.checkpoint()
      after = true
    end)
    assert.is_false(after)
  end)

  it("has no cause for an error that follows it, once it absorbed [12.7]",
    function()
      local mine = weft.Error "mine"
      local open = weft.context(function(yield)
        weft.move_on_after(1, yield)
        error(mine)
      end)
      assert.equal(mine, error_of(weft.with, open(), weft.sleep_forever))
      assert.is_nil(mine.cause)
    end)

  it("that did not absorb the error leaves it the cause of a later one "
    .. "[12.4, 10.10]", function()
    local first, second = weft.Error "first", weft.Error "second"
    local open = weft.context(function(yield)
      pcall(weft.timeout, 5, function() yield() end)
      error(second)
    end)
    local err = error_of(weft.with, open(), raiser(first))
    assert.equal(second, err)
    assert.equal(first, err.cause)
  end)

  it("may be a shield: it hides outer cancellations from the body [12.7]",
    function()
      local open = weft.context(function(yield) weft.shield(yield) end)
      local slept = false
      local scope = weft.move_on_after(1, function()
        weft.with(open(), function()
          weft.sleep(3)
          slept = true
        end)
        weft.checkpoint()
      end)
      assert.is_true(slept)
      assert.is_true(scope:cancelled_caught())
    end)

  it("that surrounds others is left like them, and all that follows is "
    .. "shielded [12.7, 12.1]", function()
    local log = {}
    local function note(text) log[#log + 1] = text .. " " .. weft.now() end
    local open = weft.context(function(yield)
      weft.scope(function()
        weft.timeout(100, function()
          weft.move_on_after(2, function()
            weft.group(function()
              pcall(yield)
              weft.sleep(1)
              note "in the group"
            end)
            weft.sleep(1)
            note "in move_on_after"
          end)
          weft.sleep(1)
          note "in the timeout"
        end)
        weft.sleep(1)
        note "in the scope"
      end)
      weft.sleep(1)
      note "outside"
    end)
    local scope = weft.move_on_after(1, function()
      weft.with(open(), weft.sleep_forever)
      note "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "in the group 2", "in move_on_after 3", "in the timeout 4",
      "in the scope 5", "outside 6" }, log)
    assert.is_nil(next(owner.owned))
  end)

  it("is not left while another is open inside: that is InvalidStateError "
    .. "[6.17]", function()
    local object = weft.context(function(yield)
      weft.scope(function() yield() end)
    end)()
    object:enter()
    weft.scope(function()
      local err = fails("InvalidStateError", object.exit, object)
      assert.is_truthy(err.message:find("where it was entered", 1, true))
    end)
    object:exit()
    weft.scope(function() end)
  end)

  it("closes what the body made in it, as if written there [12.7, 14.7]",
    function()
      local log = {}
      local open = weft.context(function(yield)
        weft.scope(function()
          own(log, "the function's")
          yield()
          log[#log + 1] = "left"
        end)
        log[#log + 1] = "after the scope"
      end)
      weft.with(open(), function() own(log, "the body's") end)
      assert.same({ "left", "the body's closed", "the function's closed",
        "after the scope" }, log)
      assert.is_nil(next(owner.owned))
    end)
end)

describe("what follows the yield", function()
  it("may close what a scope around the yield owns [14.7, 12.7]", function()
    local log, object = {}, nil
    local open = weft.context(function(yield)
      weft.scope(function()
        object = own(log, "it")
        yield()
        object:close()
        weft.sleep(2)
      end)
      weft.sleep(1)
      log[#log + 1] = "left"
    end)
    local scope = weft.move_on_after(1, function()
      weft.with(open(), function() end)
      weft.checkpoint()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "it closed", "left" }, log)
  end)

  it("closes what it made at its end [14.7]", function()
    local log = {}
    local open = weft.context(function(yield)
      yield()
      own(log, "it")
    end)
    weft.with(open(), function() own(log, "the body's") end)
    assert.same({ "it closed" }, log)
  end)

  it("raises what closing that raises, or reports it [14.7]", function()
    local mine, body_error = weft.Error "closing", weft.Error "body"
    local function make(around)
      return weft.context(function(yield)
        around(function()
          weft.finally(yield, function() end)
          owner.add { close = raiser(mine) }
        end)
      end)
    end
    local function directly(fn) fn() end
    local function scoped(fn) weft.scope(fn) end
    for _, around in ipairs { directly, scoped } do
      assert.equal(mine,
        error_of(weft.with, make(around)(), function() end))
    end
    local handling = weft.context(function(yield)
      pcall(yield)
      owner.add { close = raiser(mine) }
      error(body_error)
    end)
    assert.equal(body_error,
      error_of(weft.with, handling(), raiser(body_error)))
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(mine, reports[1].err)
  end)

  it("may enter others, open scopes and groups, and wait in them [12.1]",
    function()
      local log = {}
      local inner = weft.context(function(yield)
        weft.timeout(5, yield)
        weft.sleep(1)
        log[#log + 1] = "inner left"
      end)
      local open = weft.context(function(yield)
        weft.timeout(3, function()
          weft.finally(yield, function()
            weft.with(inner(), function() weft.sleep(1) end)
            weft.group(function(g) g:spawn(weft.sleep, 1) end)
            log[#log + 1] = "cleaned"
          end)
        end)
      end)
      local scope = weft.move_on_after(1, function()
        weft.with(open(), weft.sleep_forever)
      end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "inner left", "cleaned" }, log)
      assert.equal(4, weft.now())
    end)
end)

-- -- Groups around the yield ------------------------------------------------

describe("a group around the yield", function()
  local function grouped(opts)
    return weft.context(function(yield)
      weft.group(function(g) yield(g) end, opts)
    end)
  end

  it("owns what the body spawns, and is joined when it is left [12.7, 9.1]",
    function()
      local ended = 0
      local result = weft.with(grouped()(), function(g)
        for _ = 1, 3 do
          g:spawn(function()
            weft.sleep(2)
            ended = ended + 1
          end)
        end
        return "body"
      end)
      assert.equal("body", result)
      assert.equal(3, ended)
    end)

  it("cancels the body when a child fails, and raises one ErrorGroup, without "
    .. "a cause [12.7, 9.3, 9.4]", function()
    local mine, cut_off = weft.Error "mine", nil
    local err = fails("ErrorGroup", weft.with, grouped()(), function(g)
      g:spawn(function()
        weft.sleep(1)
        error(mine)
      end)
      cut_off = error_of(weft.sleep_forever)
      error(cut_off)
    end)
    assert.is_true(cut_off:is "CancelledError")
    assert.same({ mine }, err.errors)
    assert.is_nil(err.cause)
  end)

  it("has the body's error for a member [12.7, 9.3]", function()
    local mine = weft.Error "mine"
    local err = fails("ErrorGroup", weft.with, grouped()(), raiser(mine))
    assert.same({ mine }, err.errors)
    assert.is_nil(err.cause)
    err = fails("ErrorGroup", weft.with, grouped()(), raiser "text")
    assert.equal("text", err.errors[1].value)
    assert.is_nil(err.cause)
  end)

  it("that is cancelled stops the body without an error [12.7, 9.10]",
    function()
      local after = false
      assert.equal(0, select("#", weft.with(grouped()(), function(g)
        g:spawn(weft.sleep_forever)
        g:cancel()
        weft.checkpoint()
        after = true
      end)))
      assert.is_false(after)
    end)

  it("with a timeout raises TimeoutError [12.7, 9.7]", function()
    fails("TimeoutError", weft.with, grouped { timeout = 1 }(),
      weft.sleep_forever)
    assert.equal(1, weft.now())
  end)

  it("passes an outer Cancelled on once its children ended, and has it as "
    .. "cause of failures [12.7, 9.7, 9.9]", function()
    local log = {}
    local scope = weft.move_on_after(1, function()
      weft.with(grouped()(), function(g)
        g:spawn(function()
          weft.finally(weft.sleep_forever, function()
            weft.sleep(1)
            log[#log + 1] = "child at " .. weft.now()
          end)
        end)
        weft.sleep_forever()
      end)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "child at 2" }, log)
    local mine, err = weft.Error "mine", nil
    scope = weft.move_on_after(1, function()
      err = error_of(weft.with, grouped()(), function(g)
        g:spawn(function()
          pcall(weft.sleep_forever)
          error(mine)
        end)
        weft.sleep_forever()
      end)
      weft.checkpoint()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ mine }, err.errors)
    assert.equal("deadline", err.cause.source)
  end)

  it("inside a timeout, in one context [12.7, 7.4, 12.1]", function()
    local log = {}
    local open = weft.context(function(yield)
      weft.timeout(2, function()
        weft.group(function(g)
          g:spawn(function()
            weft.finally(weft.sleep_forever, function()
              weft.sleep(1)
              log[#log + 1] = "child cleaned"
            end)
          end)
          weft.finally(function() yield(g) end, function()
            weft.sleep(2)
            log[#log + 1] = "left"
          end)
        end)
        log[#log + 1] = "not reached"
      end)
    end)
    local err = fails("TimeoutError", weft.with, open(), function(g)
      g:spawn(weft.sleep_forever)
      weft.sleep_forever()
    end)
    assert.is_true(err.cause:is "CancelledError")
    assert.same({ "child cleaned", "left" }, log)
    assert.equal(4, weft.now())
  end)

  it("goes on shielded outside it with the error it made [12.1, 12.7]",
    function()
      local log = {}
      local open = weft.context(function(yield)
        weft.finally(function()
          weft.group(function(g) yield(g) end)
        end, function(err)
          weft.sleep(1)
          log[#log + 1] = err.name .. " at " .. weft.now()
        end)
      end)
      local scope = weft.move_on_after(1, function()
        error_of(weft.with, open(), function(g)
          g:spawn(function()
            pcall(weft.sleep_forever)
            error "x"
          end)
          weft.sleep_forever()
        end)
        log[#log + 1] = "outside"
        weft.checkpoint()
      end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "ErrorGroup at 2", "outside" }, log)
    end)
end)
