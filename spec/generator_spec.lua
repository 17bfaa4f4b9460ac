--- Generators: values one by one, parks among them, owners, closing.
local helper = require "helper"
local weft = require "weft"
local testing = require "weft.testing"

local fails = helper.fails

testing.options { virtual = true }

-- Yields 1 .. n, waiting a turn before every second one.
local count_to = weft.generator(function(yield, n)
  for i = 1, n do
    if i % 2 == 0 then weft.yield() end
    yield(i)
  end
end)

-- A generator that writes down what happens to it.
local function logged(log, body)
  return weft.generator(function(yield, name)
    log[#log + 1] = name .. " begins"
    local ok, err = pcall(body or function() yield(1) yield(2) end, yield)
    log[#log + 1] = name .. (ok and " ends" or " is unwound")
    if not ok then error(err, 0) end
  end)
end

local function list_of(gen)
  local list = {}
  for v in gen do list[#list + 1] = v end
  return list
end

describe("weft.generator", function()
  it("gives what its body yields, then nil for ever [14.2]", function()
    local gen = count_to(3)
    assert.same({ 1, 2, 3 }, { gen:next(), gen:next(), gen:next() })
    assert.is_nil(gen:next())
    assert.is_nil(gen:next())
    assert.equal(0, select("#", gen:next()))
  end)

  it("starts its body at the first next, in the task that asks [14.1]",
    function()
      local begun_in
      local gen = weft.generator(function(yield)
        begun_in = weft.current_task():name()
        yield(1)
        yield(weft.current_task():name())
      end)()
      weft.yield()
      assert.is_nil(begun_in)
      weft.spawn("first", function() gen:next() end):await()
      assert.equal("first", begun_in)
      assert.equal("main", gen:next())
      gen:close()
    end)

  it("passes arguments, several values, and nils among them", function()
    local gen = weft.generator(function(yield, a, b, c)
      yield(a, b, c)
      yield(1, nil, 3, nil, 5, nil, 7)
    end)("x", nil, "z")
    assert.same({ n = 3, "x", nil, "z" }, { n = 3, gen:next() })
    local function count(...) return select("#", ...), select(7, ...) end
    assert.same({ 7, 7 }, { count(gen:next()) })
    gen:close()
  end)

  it("gives a for loop as many values as it has variables", function()
    local gen = weft.generator(function(yield)
      yield(1, 2, 3, 4, 5, 6)
      weft.yield()
      yield(1, 2, 3, 4, 5, 6)
    end)
    local rounds = 0
    for a, b, c, d, e, f in gen() do
      assert.same({ 1, 2, 3, 4, 5, 6 }, { a, b, c, d, e, f })
      rounds = rounds + 1
    end
    assert.equal(2, rounds)
  end)

  it("refuses to yield nil first, and goes on [14.2]", function()
    local gen = weft.generator(function(yield)
      helper.refuses({ "yield", "nil" }, yield, nil, 2)
      helper.refuses({ "yield", "nil" }, yield)
      yield "fine"
    end)()
    assert.equal("fine", gen:next())
    gen:close()
  end)

  it("refuses a method called on something else", function()
    local gen = count_to(1)
    helper.refuses({ "generator:next", "table" }, gen.next, {})
    helper.refuses({ "generator:close", "number 7" }, gen.close, 7)
    assert.equal(1, gen:next())
    gen:close()
  end)

  it("complains if the function that makes it is not called", function()
    local err = helper.error_of(function()
      for _ in count_to do weft.checkpoint() end
    end)
    assert.is_true(err:is "ArgumentError")
    assert.truthy(err.message:find("call it", 1, true))
    helper.refuses({ "call it" }, weft.collect, count_to)
    helper.refuses({ "call it" }, weft.map, count_to, print)
  end)

  it("refuses what is no function", function()
    helper.refuses({ "generator(fn)", "got number 7" }, weft.generator, 7)
  end)

  it("lets parks and yields of its body mix", function()
    local gen = weft.generator(function(yield)
      for i = 1, 3 do
        weft.sleep(1)
        yield(i, weft.now())
      end
    end)
    for i, now in gen() do assert.equal(i, now) end
    assert.equal(3, weft.now())
  end)

  it("raises the body's error from next, and ends by it [14.2]", function()
    for _, wait in ipairs { false, true } do
      local problem = weft.Error "broken"
      local gen = weft.generator(function(yield)
        yield(1)
        if wait then weft.yield() end
        error(problem)
      end)()
      assert.equal(1, gen:next())
      assert.equal(problem, helper.error_of(gen.next, gen))
      assert.truthy(problem.traceback:find("generator_spec", 1, true))
      assert.is_nil(gen:next())
    end
  end)

  it("raises a value that is no error object as it is [10.1]", function()
    local gen = weft.generator(function() error("plain", 0) end)()
    assert.equal("plain", helper.error_of(gen.next, gen))
  end)

  it("may be asked by several tasks in turn", function()
    local gen, seen = count_to(6), {}
    weft.group(function(g)
      for _ = 1, 3 do
        g:spawn(function()
          while true do
            local ok, v = pcall(gen.next, gen)
            if ok and not v then return end
            if ok then seen[#seen + 1] = v end
            weft.yield()
          end
        end)
      end
    end)
    table.sort(seen)
    assert.same({ 1, 2, 3, 4, 5, 6 }, seen)
  end)
end)

describe("generator:next as a parking call", function()
  it("raises Cancelled and leaves the generator untouched [14.3]", function()
    local gen = count_to(3)
    assert.equal(1, gen:next())
    weft.scope(function(scope)
      scope:cancel()
      for _ = 1, 3 do fails("CancelledError", gen.next, gen) end
    end)
    assert.equal(2, gen:next())
    gen:close()
    weft.scope(function(scope)
      scope:cancel()
      fails("CancelledError", gen.next, gen)
    end)
  end)

  it("unwinds the body that is cancelled while it waits, and ends it [14.3]",
    function()
      local log = {}
      local gen = logged(log, function() weft.sleep(60) end) "a"
      local scope = weft.move_on_after(1, function() gen:next() end)
      assert.is_true(scope:cancelled_caught())
      assert.same({ "a begins", "a is unwound" }, log)
      assert.is_nil(gen:next())
    end)

  it("is timed out in the body", function()
    local gen = weft.generator(function() weft.sleep(60) end)()
    fails("TimeoutError", weft.timeout, 1, function() gen:next() end)
    assert.equal(1, weft.now())
  end)

  it("counts for the run budget, so others run [1.7]", function()
    local steps = 0
    local other = weft.spawn(function()
      while true do
        steps = steps + 1
        weft.yield()
      end
    end)
    local gen = weft.generator(function(yield)
      for i = 1, 1000 do yield(i) end
    end)
    local sum = 0
    for i in gen() do sum = sum + i end
    assert.equal(500500, sum)
    assert.is_true(steps >= 7)
    other:cancel()
    weft.yield()
  end)

  it("is a BusyError in its own body and for another task [14.4]", function()
    local gen
    gen = weft.generator(function(yield)
      fails("BusyError", gen.next, gen)
      fails("BusyError", gen.close, gen)
      weft.sleep(1)
      yield(1)
    end)()
    weft.group(function(g)
      g:spawn(function() assert.equal(1, gen:next()) end)
      weft.yield()
      fails("BusyError", gen.next, gen)
      fails("BusyError", gen.close, gen)
    end)
    gen:close()
  end)

  it("cannot wait across a C boundary, nor can its body [13.3]", function()
    local gen = count_to(3)
    local err
    table.sort({ 2, 1 }, function()
      err = err or helper.error_of(gen.next, gen)
      return false
    end)
    assert.is_true(err:is "InvalidStateError")
    assert.truthy(err.message:find("table.sort", 1, true))
    local inner = weft.generator(function(yield)
      local problem
      table.sort({ 2, 1 }, function()
        problem = problem or helper.error_of(weft.sleep, 1)
        return false
      end)
      yield(problem)
    end)()
    assert.truthy(inner:next().message:find("table.sort", 1, true))
    assert.equal(1, gen:next())
    inner:close()
    gen:close()
  end)

  it("needs a task", testing.plain(function()
    local gen = count_to(1)
    fails("InvalidStateError", gen.next, gen)
    gen:close()
  end))
end)

describe("a generator's yield", function()
  it("is refused outside the body it was given to", function()
    local stray
    local outer = weft.generator(function(yield)
      stray = yield
      local inner = weft.generator(function() yield "from within" end)()
      yield(helper.error_of(inner.next, inner))
    end)()
    assert.is_true(outer:next():is "InvalidStateError")
    fails("InvalidStateError", stray, 1)
    outer:close()
  end)

  it("is refused inside a scope, timeout, shield or group [13.7]", function()
    local wraps = {
      function(fn) weft.scope(fn) end,
      function(fn) weft.timeout(9, fn) end,
      function(fn) weft.shield(fn) end,
      function(fn) weft.group(fn) end,
    }
    for _, wrap in ipairs(wraps) do
      local gen = weft.generator(function(yield)
        local err
        wrap(function() err = helper.error_of(yield, 1) end)
        yield(err)
      end)()
      local err = gen:next()
      assert.is_true(err:is "InvalidStateError")
      assert.truthy(err.message:find("channel", 1, true))
      gen:close()
    end
  end)

  it("works inside scopes that the consumer has opened between", function()
    local gen = count_to(4)
    gen:next()
    weft.timeout(5, function()
      gen:next()
      weft.shield(function() assert.equal(3, gen:next()) end)
    end)
    assert.equal(4, gen:next())
    gen:close()
  end)

  it("goes to the consumer from a pcall; coroutine.yield does not [13.2]",
    function()
      local gen = weft.generator(function(yield)
        pcall(function()
          weft.yield()
          yield(1)
        end)
        yield(helper.error_of(coroutine.yield, 2))
      end)()
      assert.equal(1, gen:next())
      assert.is_true(gen:next():is "InvalidStateError")
      gen:close()
    end)
end)

describe("generators within generators", function()
  local walk
  walk = weft.generator(function(yield, depth, wait)
    if depth == 0 then
      if wait then weft.sleep(1) end
      yield "leaf"
      return
    end
    for v in walk(depth - 1, wait) do yield(v) end
  end)

  it("nest, whether they wait or not", function()
    assert.same({ "leaf" }, list_of(walk(50)))
    assert.same({ "leaf" }, list_of(walk(50, true)))
  end)

  it("nest deeper than the C stack is used for", function()
    assert.same({ "leaf" }, list_of(walk(400)))
    assert.same({ "leaf" }, list_of(walk(400, true)))
  end)

  it("mix with the user's own coroutines", function()
    local gen = weft.generator(function(yield)
      local co = coroutine.wrap(function()
        for i = 1, 3 do
          weft.sleep(1)
          coroutine.yield(i)
        end
      end)
      for i in co do yield(i) end
    end)
    local co = coroutine.wrap(function()
      for i in gen() do coroutine.yield(i * 10) end
    end)
    assert.same({ 10, 20, 30 }, { co(), co(), co() })
    assert.is_nil(co())
    assert.equal(3, weft.now())
  end)

  it("show their coroutine to nobody else as one to resume [13.5]", function()
    local co
    local gen = weft.generator(function(yield)
      co = coroutine.running()
      yield(1)
    end)()
    gen:next()
    assert.equal("normal", coroutine.status(co))
    assert.is_false((coroutine.resume(co)))
    assert.is_nil(gen:next())
  end)
end)

describe("generator:close", function()
  it("runs nothing of a body that has not begun, or has ended [14.5]",
    function()
      local log = {}
      local gen = logged(log) "a"
      gen:close()
      assert.is_nil(gen:next())
      assert.same({}, log)
      gen = logged(log) "b"
      assert.same({ 1, 2 }, list_of(gen))
      gen:close()
      assert.same({ "b begins", "b ends" }, log)
    end)

  it("raises Cancelled at every yield from then on [14.5]", function()
    local sources = {}
    local gen = weft.generator(function(yield)
      for i = 1, 4 do
        local ok, err = pcall(yield, i)
        if not ok then sources[#sources + 1] = err.source end
      end
    end)()
    assert.equal(1, gen:next())
    gen:close()
    assert.same({ "close", "close", "close", "close" }, sources)
    assert.is_nil(gen:next())
  end)

  it("shields what the cleanup waits for [12.1][14.5]", function()
    local cleaned
    local gen = weft.generator(function(yield)
      pcall(yield, 1)
      weft.sleep(5)
      cleaned = weft.now()
    end)()
    gen:next()
    local scope = weft.move_on_after(1, function()
      weft.scope(function(s)
        s:cancel()
        gen:close()
        assert.equal(5, cleaned)
        weft.yield()
      end)
    end)
    assert.is_true(scope:cancel_called())
  end)

  it("raises what the cleanup raises, not the Cancelled [14.5]", function()
    local gen = weft.generator(function(yield)
      weft.finally(function() yield(1) end, function() error("worse", 0) end)
    end)()
    gen:next()
    local err = helper.error_of(gen.close, gen)
    assert.truthy(tostring(err):find("worse", 1, true))
    gen:close()
  end)

  it("gives up a body that catches everything for ever", function()
    local gen = weft.generator(function(yield)
      while true do pcall(yield, 1) end
    end)()
    gen:next()
    local err = fails("InvalidStateError", gen.close, gen)
    assert.truthy(err.message:find("1000", 1, true))
    assert.is_nil(gen:next())
  end)
end)

describe("a generator's owner", function()
  it("is not the for loop that is left [14.6]", function()
    local log = {}
    weft.scope(function()
      for v in logged(log) "a" do if v == 1 then break end end
      assert.same({ "a begins" }, log)
    end)
    assert.same({ "a begins", "a is unwound" }, log)
  end)

  it("is the scope, group or task it was made in; last made first [14.7]",
    function()
      local owners = {
        function(fn) weft.scope(fn) end,
        function(fn) weft.timeout(9, fn) end,
        function(fn) weft.group(fn) end,
        function(fn) weft.spawn(fn):await() end,
      }
      for _, own in ipairs(owners) do
        local log, task = {}, nil
        own(function()
          task = weft.current_task()
          local gen = logged(log, function() end)
          gen "never begun"
          local make = weft.generator(function(yield, name)
            weft.finally(function() yield(name) end, function()
              weft.yield()
              log[#log + 1] = name
              assert.equal(task, weft.current_task())
            end)
          end)
          make("a"):next()
          make("b"):next()
          make("c"):next()
        end)
        assert.same({ "c", "b", "a" }, log)
      end
    end)

  it("is the body of the generator it was made in [14.7]", function()
    local log = {}
    local inner = logged(log)
    local outer = weft.generator(function(yield)
      inner "left early":next()
      yield(1)
      yield(2)
    end)
    local first = outer()
    first:next()
    assert.same({ "left early begins" }, log)
    first:close()
    assert.same({ "left early begins", "left early is unwound" }, log)
    assert.same({ 1, 2 }, list_of(outer()))
    assert.equal(4, #log)
  end)

  it("closes on every way out, with the error that is in flight [14.7]",
    function()
      local log = {}
      local err = helper.error_of(weft.scope, function()
        logged(log) "a":next()
        error("in flight", 0)
      end)
      assert.equal("in flight", err)
      weft.move_on_after(1, function()
        logged(log) "b":next()
        weft.sleep(60)
      end)
      assert.same({ "a begins", "a is unwound", "b begins", "b is unwound" },
        log)
    end)

  it("raises a failing cleanup if nothing is in flight, else reports [14.7]",
    function()
      local bad = weft.generator(function(yield)
        weft.finally(function() yield(1) end, function() error("worse", 0) end)
      end)
      local err = helper.error_of(weft.scope, function() bad():next() end)
      assert.truthy(tostring(err):find("worse", 1, true))
      err = helper.error_of(weft.scope, function()
        bad():next()
        error("first", 0)
      end)
      assert.equal("first", err)
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.truthy(tostring(reports[1].err):find("worse", 1, true))
    end)

  it("reports the second of two failing cleanups [14.7]", function()
    local bad = weft.generator(function(yield, text)
      weft.finally(function() yield(1) end, function() error(text, 0) end)
    end)
    local err = helper.error_of(weft.scope, function()
      bad "one":next()
      bad "two":next()
    end)
    assert.truthy(tostring(err):find("two", 1, true))
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.truthy(tostring(reports[1].err):find("one", 1, true))
  end)

  it("that ends while another task runs it has it closed at the yield [14.8]",
    function()
      local log, gen = {}, nil
      local make = weft.generator(function(yield)
        weft.finally(function()
          weft.sleep(5)
          yield "slow"
        end, function() log[#log + 1] = "closed at " .. weft.now() end)
      end)
      local owner = weft.spawn(function()
        gen = make()
        weft.sleep(1)
      end)
      weft.yield()
      local reader = weft.spawn(function() return gen:next(), gen:next() end)
      owner:await()
      assert.is_true(owner:done())
      assert.same({ "slow" }, { reader:await() })
      assert.same({ "closed at 5" }, log)
    end)

  it("holds it: one that nobody refers to any more is closed all the same",
    function()
      local log = {}
      weft.scope(function()
        logged(log) "a":next()
        collectgarbage()
        collectgarbage()
        assert.same({ "a begins" }, log)
      end)
      assert.same({ "a begins", "a is unwound" }, log)
    end)

  it("lets go of one that has ended", function()
    local weak = setmetatable({}, { __mode = "k" })
    for _ = 1, 10 do
      local gen = count_to(2)
      weak[gen] = true
      list_of(gen)
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak, next(weak)))
  end)
end)

describe("a generator and context variables", function()
  it("has a layer of its own, a snapshot of its creation [15.3]", function()
    local user = weft.context_var("user", "nobody")
    user:set "ann"
    local gen = weft.generator(function(yield)
      yield(user:get())
      user:set "bob"
      weft.yield()
      yield(user:get())
    end)()
    user:set "eve"
    assert.equal("ann", gen:next())
    assert.equal("eve", user:get())
    assert.equal("bob", gen:next())
    assert.equal("eve", user:get())
    assert.is_nil(gen:next())
    assert.equal("eve", user:get())
  end)

  it("keeps what its body is the first of all to set [15.3]", function()
    local user
    local gen = weft.generator(function(yield)
      user = weft.context_var("user", "nobody")
      user:set "bob"
      yield(user:get())
      yield(user:get())
    end)()
    assert.equal("bob", gen:next())
    assert.equal("nobody", user:get())
    assert.equal("bob", gen:next())
    gen:close()
  end)
end)

describe("a scope that must span yields", function()
  it("is had by a producer in a group and a channel [14.9]", function()
    local sender, receiver = weft.channel()
    local got = {}
    weft.group(function(g)
      g:spawn(function()
        weft.timeout(10, function()
          for i = 1, 3 do
            weft.sleep(1)
            sender:send(i)
          end
        end)
        sender:close()
      end)
      for v in receiver:items() do got[#got + 1] = v end
      receiver:close()
    end)
    assert.same({ 1, 2, 3 }, got)
  end)
end)

describe("weft.closing", function()
  it("closes at the end of fn and returns its results [14.6]", function()
    local log = {}
    local results = { weft.closing(logged(log) "a", function(gen)
      return gen:next(), nil, 3
    end) }
    assert.same({ 1, nil, 3 }, results)
    assert.same({ "a begins", "a is unwound" }, log)
  end)

  it("closes when fn fails or is cancelled", function()
    local log = {}
    local err = helper.error_of(weft.closing, logged(log) "a", function(gen)
      gen:next()
      error("mine", 0)
    end)
    assert.equal("mine", err)
    weft.move_on_after(1, function()
      weft.closing(logged(log) "b", function(gen)
        gen:next()
        weft.sleep(60)
      end)
    end)
    assert.same({ "a begins", "a is unwound", "b begins", "b is unwound" }, log)
  end)

  it("refuses what cannot be closed", function()
    helper.refuses({ "closing(gen, fn)", "got number 7" },
      weft.closing, 7, print)
    helper.refuses({ "closing(gen, fn)", "fn" }, weft.closing, count_to(1))
  end)
end)
