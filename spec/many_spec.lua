-- Many at once, waiting for all: gather, map, each.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local settle = helper.settle

local function nothing() end

local function raiser(err)
  return function() error(err, 0) end
end

-- A job that ends after `seconds` with `value`.
local function job(seconds, value)
  return function() return weft.sleep(seconds, value) end
end

local function done_with(value)
  local future = weft.future()
  future:set_result(value)
  return future
end

-- -- gather ------------------------------------------------------------------

describe("weft.gather", function()
  it("runs all at once and gives their first results in order, with n [11.3]",
    function()
      local results = weft.gather {
        job(3, "a"), job(1, "b"), function() return "c", "dropped" end,
      }
      assert.same({ "a", "b", "c", n = 3 }, results)
      assert.equal(3, weft.now())
    end)

  it("runs functions in tasks of their own, which they may ask for [11.1, 4.7]",
    function()
      local seen
      local results = weft.gather {
        function()
          seen = weft.current_task()
          assert.equal("running", tostring(seen):match "%((%a+)%)")
          weft.yield()
          assert.equal(seen, weft.current_task())
          return 7, 8
        end,
        job(1, 9),
      }
      assert.same({ 7, 9, n = 2 }, results)
      assert.is_true(seen:done())
      assert.same({ 7, 8 }, { seen:result() })
    end)

  it("keeps nil results in their places [11.3]", function()
    local results = weft.gather { nothing, job(0, 2), nothing }
    assert.same({ [2] = 2, n = 3 }, results)
  end)

  it("spawns functions in argument order [11.1]", function()
    local log = {}
    local function note(i) return function() log[#log + 1] = i end end
    weft.gather { note(1), note(2), note(3) }
    assert.same({ 1, 2, 3 }, log)
  end)

  it("runs functions in a group of its own, in the caller's scopes [11.1, 6.1]",
    function()
      local me = weft.current_task()
      local results = weft.gather {
        function() return weft.current_task():parent() == me end,
      }
      assert.is_true(results[1])
    end)

  it("takes tasks and futures too [11.1]", function()
    local task = weft.spawn(job(2, "task"))
    assert.same({ "task", "future", "fn", n = 3 },
      weft.gather { task, done_with "future", job(1, "fn") })
  end)

  it("gives a task twice that stands twice, and runs a function twice that "
    .. "does [11.3]", function()
    local task, runs = weft.spawn(job(1, "x")), 0
    local function fn()
      runs = runs + 1
      return runs
    end
    assert.same({ "x", "x", 1, 2, n = 4 }, weft.gather { task, task, fn, fn })
  end)

  it("of nothing is an empty list [11.7]", function()
    assert.same({ n = 0 }, weft.gather {})
    assert.same({ n = 0 }, weft.gather({}, { return_errors = true }))
  end)

  it("cancels and joins its own at the first failure, then raises it, bare "
    .. "[11.4]", function()
    local mine, cleaned = weft.OSError "x", nil
    local err = error_of(weft.gather, {
      function()
        weft.finally(weft.sleep_forever, function()
          weft.sleep(5)
          cleaned = weft.now()
        end)
      end,
      function() weft.sleep(1) error(mine) end,
    })
    assert.equal(mine, err)
    assert.equal(6, cleaned)
  end)

  it("reports later failures of its own [11.4]", function()
    local err = fails("Error", weft.gather, {
      function()
        pcall(weft.sleep_forever)
        error(weft.Error "later")
      end,
      raiser(weft.Error "first"),
    })
    assert.equal("first", err.message)
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("later", reports[1].err.message)
  end)

  it("never cancels what was passed in [11.1, 11.4]", function()
    local task, future = weft.spawn(job(5, "x")), weft.future()
    fails("Error", weft.gather, { task, future, raiser "fails" })
    assert.is_false(task.scope:cancel_called())
    assert.is_false(future:cancelled())
    assert.equal("x", task:await())
    future:cancel()
  end)

  it("raises the failure of a task that was passed in, the task's own object "
    .. "[11.4, 10.2]", function()
    local task = weft.spawn(raiser(weft.OSError "x"))
    local err = fails("OSError", weft.gather, { job(5), task })
    assert.equal(task:error(), err)
  end)

  it("takes an item that was cancelled from elsewhere for a failure, with "
    .. "TaskCancelledError [11.4]", function()
    local task = weft.spawn(weft.sleep_forever)
    task:cancel()
    fails("TaskCancelledError", weft.gather, { job(1), task })
    fails("TaskCancelledError", weft.gather, { job(1), function()
      weft.current_task():cancel()
      weft.checkpoint()
    end })
  end)

  it("raises Cancelled, never values, for a caller who is cancelled before the "
    .. "end [11.2]", function()
    local err
    local child
    local scope = weft.move_on_after(1, function()
      err = error_of(weft.gather, { function()
        child = weft.current_task()
        pcall(weft.sleep_forever)
        return "a value all the same"
      end })
      error(err)
    end)
    assert.is_true(err:is "CancelledError")
    assert.is_false(child:cancelled())
    assert.is_true(scope:cancelled_caught())
  end)

  it("joins its own before it raises Cancelled [11.2]", function()
    weft.move_on_after(1, function()
      weft.gather { function()
        weft.finally(weft.sleep_forever, function() weft.sleep(5) end)
      end }
    end)
    assert.equal(6, weft.now())
  end)

  it("reports a failure of its own in that time [11.2]", function()
    local scope = weft.move_on_after(1, function()
      weft.gather { function()
        pcall(weft.sleep_forever)
        error(weft.Error "meanwhile")
      end }
    end)
    assert.is_true(scope:cancelled_caught())
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("meanwhile", reports[1].err.message)
  end)

  it("delivers if all had ended before the caller was cancelled [3.4]",
    function()
      local got
      local task = weft.spawn(function()
        got = weft.gather { job(1, "x") }
      end)
      weft.spawn(function()
        weft.sleep(1)
        weft.yield() -- the child has ended, the caller has not run
        task:cancel()
      end)
      weft.sleep(2)
      assert.same({ "x", n = 1 }, got)
    end)

  it("has a failure observed by raising it [4.12]", function()
    pcall(weft.gather, { raiser "x" })
    collectgarbage()
    settle()
    assert.same({}, testing.reports())
  end)

  it("refuses wrong arguments", function()
    refuses({ "gather", "list", "nil" }, weft.gather)
    refuses({ "gather", "list", "function" }, weft.gather, nothing)
    refuses({ "item 2", "function", "task", "future", "number 5" },
      weft.gather, { nothing, 5 })
    refuses({ "item 1", "table" }, weft.gather, { {} })
    refuses({ "item 2", "nil" }, weft.gather, { nothing, nil, n = 2 })
    refuses({ "opts", "table", "boolean true" }, weft.gather, {}, true)
  end)

  it("is not kept alive by the object of a child that ended otherwise",
    function()
      local function fail_at(seconds)
        return function()
          weft.sleep(seconds)
          error "x"
        end
      end
      for _, body in ipairs { fail_at(1), fail_at(9) } do
        local kept
        local results = setmetatable({}, { __mode = "k" })
        pcall(weft.gather, { function()
          kept = weft.current_task()
          results[kept.into] = true
          body()
        end, fail_at(5) })
        collectgarbage()
        assert.is_nil(next(results))
        assert.truthy(kept:done())
      end
    end)
end)

describe("weft.gather with return_errors", function()
  local opts = { return_errors = true }

  it("waits for all; error objects stand in the list [11.5]", function()
    local mine = weft.OSError "x"
    local results = weft.gather({ raiser(mine), job(3, "a"), raiser "text" },
      opts)
    assert.equal(mine, results[1])
    assert.equal("a", results[2])
    assert.equal("text", results[3].value)
    assert.equal(3, results.n)
    assert.equal(3, weft.now())
  end)

  it("has TaskCancelledError stand for what was cancelled [11.5]", function()
    local task = weft.spawn(weft.sleep_forever)
    task:cancel()
    local results = weft.gather({ task, function()
      weft.current_task():cancel()
      weft.checkpoint()
    end, function() error(weft.CancelledError "of its own making") end },
      opts)
    for i = 1, 3 do
      assert.is_true(results[i]:is "TaskCancelledError")
    end
  end)

  it("counts the errors as observed [11.5, 4.12]", function()
    local task = weft.spawn(raiser "x")
    weft.gather({ task, raiser "y" }, opts)
    task = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    settle()
    assert.same({}, testing.reports())
  end)

  it("raises Cancelled for a caller who is cancelled; failures are reported "
    .. "[11.2]", function()
    local scope = weft.move_on_after(2, function()
      weft.gather({ raiser(weft.Error "x"), job(5) }, opts)
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("x", reports[1].err.message)
  end)
end)

-- -- map and each ------------------------------------------------------------

-- An iterator over 1..count that says in `log` when it is drawn on.
local function counter(count, log)
  local i = 0
  return function()
    i = i + 1
    if log then log[#log + 1] = i .. " at " .. weft.now() end
    if i <= count then return i end
  end
end

describe("weft.map", function()
  it("calls fn(item) for all at once and gives first results in order [11.6]",
    function()
      assert.same({ 10, 20, 30, n = 3 }, weft.map({ 1, 2, 3 }, function(i)
        weft.sleep(4 - i)
        return i * 10, "dropped"
      end))
      assert.equal(3, weft.now())
    end)

  it("keeps nil results in their places [11.6]", function()
    assert.same({ [2] = 2, n = 3 }, weft.map({ 1, 2, 3 }, function(i)
      if i == 2 then return i end
    end))
  end)

  it("runs at most limit at once [11.6]", function()
    local running, most = 0, 0
    weft.map({ 1, 2, 3, 4, 5, 6, 7 }, function()
      running = running + 1
      most = math.max(most, running)
      weft.sleep(1)
      running = running - 1
    end, { limit = 3 })
    assert.equal(3, most)
    assert.equal(3, weft.now())
  end)

  it("draws on an iterator only when a place is free [11.6]", function()
    local log = {}
    weft.map(counter(3, log), job(2), { limit = 1 })
    assert.same({ "1 at 0", "2 at 2", "3 at 4", "4 at 6" }, log)
  end)

  it("draws on an iterator in the caller's task; it may park [11.6]", function()
    local tasks = {}
    local results = weft.map(function()
      if #tasks == 3 then return nil end
      weft.sleep(1)
      tasks[#tasks + 1] = weft.current_task():name()
      return #tasks
    end, function(i) return i end)
    assert.same({ "main", "main", "main" }, tasks)
    assert.same({ 1, 2, 3, n = 3 }, results)
  end)

  it("takes a callable object for an iterator [11.6]", function()
    local next_item = counter(2)
    local items = setmetatable({},
      { __call = function() return next_item() end })
    assert.same({ 1, 2, n = 2 }, weft.map(items, function(i) return i end))
  end)

  it("takes an iterator's error for a failure [11.6, 11.4]", function()
    local mine, cut_off = weft.OSError "x", false
    local count = 0
    local err = error_of(weft.map, function()
      count = count + 1
      if count == 2 then error(mine) end
      return count
    end, function()
      cut_off = not pcall(weft.sleep_forever)
    end)
    assert.equal(mine, err)
    assert.is_true(cut_off)
  end)

  it("raises the first failure, bare, once its own are joined [11.4]",
    function()
      local mine, ended = weft.OSError "x", 0
      assert.equal(mine, error_of(weft.map, { 1, 2, 3 }, function(i)
        if i == 2 then error(mine) end
        weft.finally(weft.sleep_forever, function() ended = ended + 1 end)
      end))
      assert.equal(2, ended)
    end)

  it("has error objects stand in the list with return_errors [11.5]", function()
    local results = weft.map({ 1, 2, 3 }, function(i)
      if i == 2 then error(weft.OSError "x") end
      return i
    end, { return_errors = true, limit = 2 })
    assert.equal(1, results[1])
    assert.is_true(results[2]:is "OSError")
    assert.equal(3, results[3])
  end)

  it("of nothing is an empty list [11.7]", function()
    assert.same({ n = 0 }, weft.map({}, error))
    assert.same({ n = 0 }, weft.map(counter(0), error, { limit = 1 }))
  end)

  it("raises Cancelled for a caller who is cancelled, also one who waits for a "
    .. "place [11.2]", function()
    local drawn = {}
    local scope = weft.move_on_after(3, function()
      weft.map(counter(5, drawn), job(2), { limit = 1 })
    end)
    assert.is_true(scope:cancelled_caught())
    assert.same({ "1 at 0", "2 at 2" }, drawn)
  end)

  it("takes an infinite limit for none [9.12, 11.6]", function()
    local count = 0
    weft.group(function(g)
      for _ = 1, 200 do g:spawn(function() count = count + 1 end) end
      assert.equal(0, count) -- none of them has had to wait for a place
    end, { limit = math.huge })
    assert.equal(200, count)
    assert.equal(3, weft.map({ 1, 2, 3 }, tostring, { limit = math.huge }).n)
  end)

  it("refuses wrong arguments", function()
    refuses({ "map", "items", "list", "iterator", "nil" }, weft.map, nil,
      nothing)
    refuses({ "items", "string" }, weft.map, "abc", nothing)
    refuses({ "fn", "function", "nil" }, weft.map, {})
    refuses({ "limit", "1", "number 0" }, weft.map, {}, nothing, { limit = 0 })
    refuses({ "limit", "NaN" }, weft.map, {}, nothing, { limit = 0 / 0 })
    refuses({ "opts", "table", "number 3" }, weft.map, {}, nothing, 3)
  end)
end)

describe("weft.each", function()
  it("calls fn(item) for all and returns nothing [11.6]", function()
    local seen = {}
    assert.equal(0, select("#", weft.each({ "a", "b" }, function(item)
      weft.sleep(1)
      seen[item] = true
      return item
    end)))
    assert.same({ a = true, b = true }, seen)
    assert.equal(1, weft.now())
  end)

  it("runs at most limit at once and draws no sooner [11.6]", function()
    local log = {}
    weft.each(counter(4, log), job(1), { limit = 2 })
    assert.same({ "1 at 0", "2 at 0", "3 at 1", "4 at 1", "5 at 2" }, log)
  end)

  it("raises the first failure, bare [11.4]", function()
    local mine = weft.OSError "x"
    assert.equal(mine, error_of(weft.each, { 1, 2 }, raiser(mine)))
    assert.equal(1, #testing.reports()) -- the other one
  end)

  it("of nothing does nothing [11.7]", function()
    weft.each({}, error)
    weft.each(counter(0), error)
  end)

  it("refuses wrong arguments", function()
    refuses({ "each", "items", "number 5" }, weft.each, 5, nothing)
    refuses({ "each", "fn", "nil" }, weft.each, {})
    refuses({ "each", "limit" }, weft.each, {}, nothing, { limit = "1" })
    refuses({ "each", "opts" }, weft.each, {}, nothing, "x")
  end)
end)

describe("what is given to gather, map, wait and the like", function()
  local options = {
    gather = function(opts) weft.gather({}, opts) end,
    map = function(opts) weft.map({}, print, opts) end,
    each = function(opts) weft.each({}, print, opts) end,
    wait = function(opts) weft.wait({ weft.current_task() }, opts) end,
    as_completed = function(opts) weft.as_completed({}, opts) end,
    scope = function(opts) weft.scope(print, opts) end,
    group = function(opts) weft.group(print, opts) end,
  }
  for name, call in pairs(options) do
    it("is refused by " .. name .. " with an option it does not know",
      function()
        helper.refuses({ name, "no option 'return_exceptions'", "there" },
          call, { return_exceptions = true })
        helper.refuses({ name, "opts must be a table", "number 1" }, call, 1)
      end)
  end

  it("is refused if it is no list", function()
    local task = weft.spawn(weft.yield)
    helper.refuses({ "gather", "list", "table" },
      weft.gather, { a = weft.yield })
    helper.refuses({ "wait", "list", "weft.Task" }, weft.wait, task)
    helper.refuses({ "catch", "list" }, weft.catch, weft.yield,
      { [weft.Error] = print })
    task:await()
  end)
end)
