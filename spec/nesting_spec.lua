-- Everything inside everything: scopes, groups, contexts, generators, stacks
-- and their cleanups, left early, cut off and failing. All of it is unwound,
-- the innermost first, and no error gets lost on the way.
local weft = require "weft"
local owner = require "weft.owner"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails = helper.fails
local error_of, take_reports = helper.error_of, testing.reports

testing.options { virtual = true }

local log

before_each(function() log = {} end)
after_each(function() assert.is_nil(next(owner.owned)) end)

local function note(name) log[#log + 1] = name .. " at " .. weft.now() end

-- Runs fn; its cleanup waits a second, is noted, and then raises `failure`.
local function cleaned(name, fn, failure)
  return weft.finally(fn, function()
    weft.sleep(1)
    note(name)
    if failure then error(failure) end
  end)
end

-- A generator that counts for ever; `failure` is what its cleanup raises.
local counting = weft.generator(function(yield, name, failure)
  cleaned(name, function()
    for i = 1, math.huge do yield(i) end
  end, failure)
end)

-- The errors from `err` on, each the cause of the one before.
local function chain(err)
  local list = {}
  while err do
    list[#list + 1] = err
    err = err.cause
  end
  return list
end

local function messages(errors)
  local list = {}
  for i, err in ipairs(errors) do list[i] = err.message end
  return list
end

local function make_errors(...)
  local list = {}
  for _, name in ipairs { ... } do list[name] = weft.Error(name) end
  return list
end

-- A group in a generator in a context in a timeout of 5 s. Cleanups raise what
-- `failures` has under their names.
local function nested(failures)
  local open = weft.context(function(yield)
    cleaned("context", function() yield "value" end, failures.context)
  end)
  local gen = weft.generator(function(yield)
    cleaned("generator", function()
      yield "ready"
      weft.group(function(g)
        for _, name in ipairs { "one", "two" } do
          g:spawn(cleaned, name, weft.sleep_forever, failures[name])
        end
        cleaned("group", weft.sleep_forever)
      end)
      note "never here"
    end, failures.generator)
  end)
  return weft.timeout(5, function()
    return weft.with(open(), function(value)
      cleaned("body", function()
        for state in gen() do note(value .. " " .. state) end
      end, failures.body)
    end)
  end)
end

local UNWOUND = {
  "value ready at 0", "group at 6", "one at 6", "two at 6", "generator at 7",
  "body at 8", "context at 9",
}

describe("a group in a generator in a context in a timeout", function()
  it("is unwound from the inside, each cleanup in its own time "
    .. "[7.9, 9.6, 12.1, 12.6, 14.3]", function()
    local err = fails("TimeoutError", nested, {})
    assert.same(UNWOUND, log)
    assert.equal(9, weft.now())
    assert.equal("deadline", err.cause.source)
    assert.same({}, chain(err.cause.cause))
  end)

  it("keeps the failures of all cleanups, the outer with the inner for its "
    .. "cause [7.6, 9.4, 9.9, 10.10, 12.4, 12.9]", function()
    local mine = make_errors("one", "two", "generator", "body", "context")
    local err = error_of(nested, mine)
    assert.same(UNWOUND, log)
    local errors = chain(err)
    assert.equal(mine.context, errors[1])
    assert.equal(mine.body, errors[2])
    assert.equal(mine.generator, errors[3])
    assert.is_true(errors[4]:is "ErrorGroup")
    assert.is_true(errors[5]:is "CancelledError")
    assert.equal("deadline", errors[5].source)
    assert.equal(5, #errors)
    assert.same({ "one", "two" }, messages(errors[4].errors))
    for _, member in ipairs(errors[4].errors) do
      assert.equal(mine[member.message], member)
      assert.is_true(member.cause:is "CancelledError")
    end
  end)

  it("passes an error of the innermost group out through all of them "
    .. "[9.3, 9.4, 12.6, 14.2]", function()
    local mine = weft.Error "mine"
    local open = weft.context(function(yield)
      weft.timeout(50, function() cleaned("context", yield) end)
    end)
    local gen = weft.generator(function()
      cleaned("generator", function()
        weft.group(function(g)
          g:spawn(cleaned, "sibling", weft.sleep_forever)
          g:spawn(error, mine)
        end)
      end)
    end)
    local err = fails("ErrorGroup", weft.timeout, 9, function()
      weft.with(open(), function()
        for _ in gen() do note "never here" end
      end)
    end)
    assert.same({ mine }, err.errors)
    assert.is_nil(err.cause)
    assert.same({ "sibling at 1", "generator at 2", "context at 3" }, log)
  end)

  it("is cut off by the cancelling of its task just the same [6.13, 12.1]",
    function()
      local task = weft.spawn(nested, {})
      weft.sleep(2)
      task:cancel()
      fails("TaskCancelledError", task.await, task)
      assert.same({ "value ready at 0", "group at 3", "one at 3", "two at 3",
        "generator at 4", "body at 5", "context at 6" }, log)
    end)
end)

describe("generators that are left early", function()
  it("are closed where they were made, the last made first, between the "
    .. "cleanups around [14.6, 14.7]", function()
    cleaned("task", function()
      weft.scope(function()
        cleaned("scope", function()
          for i in counting "first" do if i == 1 then break end end
          for i in counting "second" do if i == 2 then break end end
        end)
        note "scope's end"
      end)
    end)
    assert.same({ "scope at 1", "scope's end at 1", "second at 2",
      "first at 3", "task at 4" }, log)
  end)

  it("within one another are closed from the outside in, each before what it "
    .. "was made in has ended [14.5, 14.7]", function()
    local walk
    walk = weft.generator(function(yield, depth)
      cleaned("body " .. depth, function()
        if depth == 0 then return yield "leaf" end
        for leaf in walk(depth - 1) do yield(leaf) end
      end)
      note("end " .. depth)
    end)
    weft.scope(function()
      for leaf in walk(2) do if leaf == "leaf" then break end end
    end)
    assert.same({ "body 2 at 1", "body 1 at 2", "body 0 at 3" }, log)
  end)

  it("are closed though the cleanups of others fail: the first failure is "
    .. "raised, the others are reported [14.7]", function()
    local mine = make_errors("first", "second", "third")
    local err = error_of(weft.scope, function()
      for _, name in ipairs { "first", "second", "third" } do
        counting(name, mine[name]):next()
      end
    end)
    assert.equal(mine.third, err)
    assert.is_nil(err.cause)
    assert.same({ "third at 1", "second at 2", "first at 3" }, log)
    local reports = take_reports()
    assert.equal(2, #reports)
    assert.equal(mine.second, reports[1].err)
    assert.equal(mine.first, reports[2].err)
  end)

  it("in the cleanup of another are closed when that one's body has ended "
    .. "[12.1, 14.7]", function()
    local outer = weft.generator(function(yield)
      weft.finally(function() yield(1) end, function()
        counting "made by the cleanup":next()
        note "cleanup"
      end)
    end)
    weft.move_on_after(3, function()
      outer():next()
      weft.sleep_forever()
    end)
    assert.same({ "cleanup at 3", "made by the cleanup at 4" }, log)
  end)

  it("are closed when main returns, before what is spawned is joined "
    .. "[14.7, 22.2]", testing.plain(function()
    log = {}
    local kept
    local result = require("weft.run").run_with({ virtual = true }, function()
      kept = counting "main's"
      kept:next()
      weft.spawn(function()
        counting "task's":next()
        weft.sleep_forever()
      end)
      weft.sleep(1)
      return "result"
    end)
    assert.equal("result", result)
    assert.same({ "main's at 2", "task's at 3" }, log)
    assert.is_nil(next(owner.owned))
    kept:close()
  end))

  it("by the hundred and deeper are all unwound by a timeout [14.3, 7.4]",
    function()
      local DEPTH, count = 150, 0
      local walk
      walk = weft.generator(function(yield, depth)
        weft.finally(function()
          if depth == 0 then weft.sleep_forever() end
          for leaf in walk(depth - 1) do yield(leaf) end
        end, function()
          assert.equal(count, depth)
          weft.sleep(1)
          count = count + 1
        end)
      end)
      fails("TimeoutError", weft.timeout, 1, function() walk(DEPTH):next() end)
      assert.equal(DEPTH + 1, count)
      assert.equal(DEPTH + 2, weft.now())
    end)
end)

describe("cleanups that wait", function()
  it("are not cut off from outside, and may cut off themselves [12.1, 12.2]",
    function()
      local gen = weft.generator(function(yield)
        weft.finally(function() yield(1) end, function()
          local results = { weft.shield(function()
            cleaned("in the grace", weft.sleep_forever)
            return "never"
          end, 2) }
          assert.same({}, results)
          fails("TimeoutError", weft.timeout, 1, weft.sleep_forever)
          note "cleanup"
        end)
      end)
      local scope = weft.move_on_after(1, function()
        weft.closing(gen(), function(g)
          g:next()
          weft.sleep_forever()
        end)
        note "never here"
      end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "in the grace at 4", "cleanup at 5" }, log)
    end)

  it("may use groups, contexts and generators of their own [12.1, 14.7]",
    function()
      local open = weft.context(function(yield)
        weft.group(function(g)
          yield(g)
          note "context"
        end)
      end)
      weft.move_on_after(1, function()
        weft.finally(weft.sleep_forever, function()
          weft.with(open(), function(g)
            g:spawn(cleaned, "child", function() weft.sleep(1) end)
            for i in counting "generator" do if i == 2 then break end end
          end)
          note "cleanup"
        end)
      end)
      -- The generator belongs to the group, inside which the body runs.
      assert.same({ "context at 1", "generator at 2", "child at 3",
        "cleanup at 3" }, log)
    end)

  it("of one scope run in the reverse order of entry, whatever they belong to "
    .. "[12.4, 12.8, 14.7]", function()
    local open = weft.context(function(yield) cleaned("context", yield) end)
    local resource = {
      enter = function() return "resource" end,
      exit = function() cleaned("resource", function() end) end,
    }
    weft.scope(function()
      counting "generator":next()
      weft.stack(function(s)
        s:enter(open())
        s:defer(cleaned, "deferred", function() end)
        s:enter(resource)
        s:callback(function() cleaned("callback", function() end) end)
        s:enter(counting "closed by the stack"):next()
      end)
    end)
    assert.same({ "closed by the stack at 1", "callback at 2", "resource at 3",
      "deferred at 4", "context at 5", "generator at 6" }, log)
  end)
end)

describe("errors inside the handling of errors", function()
  it("have what was in flight as their cause, unless they have one already "
    .. "[10.8, 10.10, 12.9]", function()
    local mine = make_errors("1", "2", "3", "4")
    local err = error_of(weft.finally, function() error(mine["1"]) end,
      function(first)
        assert.equal(mine["1"], first)
        weft.finally(function() error(mine["2"]) end, function(second)
          assert.equal(mine["2"], second)
          weft.catch(function() error(mine["3"]) end, { { "Error",
            function() error(mine["4"]) end } })
        end)
      end)
    -- The handler's error comes in a group, and has what it handled as cause.
    assert.is_true(err:is "ErrorGroup")
    assert.same({ mine["4"] }, err.errors)
    assert.same({ mine["3"] }, mine["4"].cause.errors)
    assert.equal(mine["2"], err.cause)
  end)

  it("of exits, deferred calls and callbacks make one chain of all "
    .. "[12.4, 12.8, 10.10]", function()
    local mine = make_errors("body", "callback", "deferred", "exit", "close")
    local seen = {}
    local err = error_of(weft.stack, function(s)
      s:enter { close = function() error(mine.close) end }
      s:enter {
        enter = function() end,
        exit = function(_, err)
          seen.exit = err
          error(mine.exit)
        end,
      }
      s:defer(error, mine.deferred)
      s:callback(function(err)
        seen.callback = err
        error(mine.callback)
      end)
      error(mine.body)
    end)
    assert.same({ "close", "exit", "deferred", "callback", "body" },
      messages(chain(err)))
    assert.equal(mine.body, seen.callback)
    assert.equal(mine.deferred, seen.exit)
  end)

  it("that are no error objects are kept as such [10.1, 10.10]", function()
    local err = error_of(weft.finally, function() error("inner", 0) end,
      function() error({ 7 }) end)
    assert.same({ 7 }, err.value)
    assert.equal("inner", err.cause.value)
    err = error_of(weft.with, { close = function() error(nil) end },
      function() error(false) end)
    assert.is_true(err:is "Error")
    assert.is_nil(err.value)
    assert.is_false(err.cause.value)
  end)

  it("in an xpcall's own handler lose nothing that weft has to clean "
    .. "[13.3, 14.7]", function()
    local gen = weft.generator(function(yield)
      cleaned("generator", function()
        xpcall(function() error "x" end, function() error "y" end)
        yield(1)
        xpcall(function() error "x" end, weft.sleep)
        yield(2)
      end)
    end)
    xpcall(function()
      weft.scope(function()
        local values = gen()
        assert.equal(1, values:next())
        assert.equal(2, values:next())
        error "z"
      end)
    end, function() error "in the handler" end)
    assert.same({ "generator at 1" }, log)
  end)

  it("handled by an exit or a context end there, and what is around goes on "
    .. "[12.5, 12.6]", function()
    local mine = weft.Error "mine"
    local handling = weft.context(function(yield)
      local ok, err = pcall(yield)
      assert.is_false(ok)
      note(err.message .. " from " .. err.cause.message)
    end)
    local values = counting("generator", mine)
    weft.with(handling(), function()
      weft.closing(values, function()
        values:next()
        error(weft.Error "body")
      end)
    end)
    assert.same({ "generator at 1", "mine from body at 1" }, log)
  end)

  it("swallowed inside do not hide the cancellation around [6.5, 6.14, 12.4]",
    function()
      local open = weft.context(function(yield)
        pcall(yield)
        cleaned("context", function() end)
      end)
      local after = false
      local scope = weft.move_on_after(1, function()
        pcall(weft.with, open(), function()
          pcall(weft.finally, weft.sleep_forever, function() error "x" end)
          pcall(weft.sleep, 1)
          error "y"
        end)
        note "outside"
        weft.checkpoint()
        after = true
      end)
      assert.is_true(scope:cancelled_caught())
      assert.is_false(after)
      assert.same({ "context at 2", "outside at 2" }, log)
    end)
end)
