-- Context variables.
local weft = require "weft"
local run = require "weft.run"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

-- As a program has them: made before anything runs.
local request = weft.context_var "request"
local depth = weft.context_var("depth", 0)

describe("a context variable", function()
  it("gives what was set, else the default, else nil [15.2]", function()
    assert.is_nil(request:get())
    assert.equal(0, depth:get())
    request:set "r1"
    depth:set(2)
    assert.equal("r1", request:get())
    assert.equal(2, depth:get())
  end)

  it("set to nil is not set [15.2]", function()
    depth:set(2)
    depth:set(nil)
    assert.equal(0, depth:get())
    depth:set(nil)
    assert.equal(0, depth:get())
  end)

  it("knows its name", function()
    assert.equal("request", request:name())
    assert.equal("depth", depth:name())
  end)

  it("refuses a name that is none", function()
    refuses({ "context_var", "name", "string", "nil" }, weft.context_var)
    refuses({ "name", "not empty" }, weft.context_var, "")
    refuses({ "name", "number 5" }, weft.context_var, 5)
  end)

  it("keeps any value, and the identity of what has one [15.2]", function()
    local object = setmetatable({}, { __index = { x = 1 } })
    local values = {
      true, false, 0, -1.5, 2 ^ 53 + 2, 1e300, math.huge, "", "a\0b", object,
      function() end, coroutine.create(function() end), io.stdout,
      require("ffi").new "int[1]", weft.current_task(),
    }
    for _, value in ipairs(values) do
      request:set(value)
      weft.yield()
      assert.is_true(rawequal(value, request:get()))
    end
    request:set(0 / 0)
    assert.is_true(request:get() ~= request:get())
  end)

  it("keeps its value while nothing else does", function()
    request:set { "kept" }
    collectgarbage()
    assert.same({ "kept" }, request:get())
  end)

  it("lets a value go that is replaced, or whose task has ended [15.1]",
    function()
      local seen = setmetatable({}, { __mode = "k" })
      local function set_new()
        local value = {}
        seen[value] = true
        request:set(value)
      end
      set_new()
      set_new()
      weft.spawn(set_new):await()
      collectgarbage()
      collectgarbage()
      local count = 0
      for _ in pairs(seen) do count = count + 1 end
      assert.equal(1, count)
    end)

  it("is one of many of the same name, each its own", function()
    local vars = {}
    for i = 1, 50 do
      vars[i] = weft.context_var("same", -i)
      if i % 2 == 0 then vars[i]:set(i) end
    end
    for i = 1, 50 do
      assert.equal(i % 2 == 0 and i or -i, vars[i]:get())
    end
  end)
end)

describe("a task", function()
  it("keeps what it sets, over its parks, and for itself [15.1]", function()
    local function work(n)
      request:set(n)
      weft.yield()
      assert.equal(n, request:get())
      request:set(n + 100)
      weft.sleep(1)
      assert.equal(n + 100, request:get())
    end
    request:set "main"
    weft.group(function(g)
      for n = 1, 5 do g:spawn(work, n) end
    end)
    assert.equal("main", request:get())
  end)

  for _, where in ipairs { "weft", "a group" } do
    it("spawned by " .. where .. " begins with a snapshot [15.1]", function()
      local got
      local function child()
        got = { request:get() }
        weft.yield()
        got[2] = request:get()
        request:set "child's"
      end
      request:set "then"
      weft.group(function(g)
        if where == "weft" then weft.spawn(child) else g:spawn(child) end
        request:set "later"
        weft.yield()
        request:set "much later"
        weft.yield()
      end)
      weft.yield()
      assert.same({ "then", "then" }, got)
      assert.equal("much later", request:get())
    end)
  end

  it("hands on what it was handed [15.1]", function()
    request:set "root's"
    local got = weft.spawn(function()
      return weft.spawn(function() return request:get() end):await()
    end):await()
    assert.equal("root's", got)
  end)

  it("inherits through gather, map and race as well [15.1]", function()
    local function look() return request:get() end
    request:set "shared"
    local results = weft.gather { look, look }
    assert.same({ "shared", "shared" }, { unpack(results) })
    assert.same({ "shared" }, { unpack(weft.map({ 1 }, look)) })
    assert.equal("shared", weft.race { look })
  end)

  it("shares its variables with the user's own coroutines [15.3]", function()
    local co = coroutine.wrap(function()
      assert.equal("task's", request:get())
      request:set "coroutine's"
      weft.yield() -- parks the task
      assert.equal("coroutine's", request:get())
      coroutine.yield()
      assert.equal("task's again", request:get())
      request:set "at the end"
    end)
    request:set "task's"
    co()
    assert.equal("coroutine's", request:get())
    request:set "task's again"
    co()
    assert.equal("at the end", request:get())
  end)

  it("shares them with a coroutine that another task made [15.3]", function()
    request:set "maker's"
    local co = coroutine.wrap(function() return request:get() end)
    local got = weft.spawn(function()
      request:set "resumer's"
      return co()
    end):await()
    assert.equal("resumer's", got)
  end)
end)

describe("a callback", function()
  for name, add in pairs {
    call_soon = function(fn) weft.call_soon(fn) end,
    call_later = function(fn) weft.call_later(1, fn) end,
    call_at = function(fn) weft.call_at(weft.now() + 1, fn) end,
    ["a task's end"] = function(fn)
      weft.spawn(weft.yield):add_done_callback(fn)
    end,
  } do
    it("of " .. name .. " runs with the snapshot of when it was added [15.1]",
      function()
        local got = {}
        request:set "then"
        add(function()
          got[1] = request:get()
          request:set "callback's"
          got[2] = request:get()
        end)
        request:set "later"
        weft.sleep(2)
        assert.same({ "then", "callback's" }, got)
        assert.equal("later", request:get())
      end)
  end

  it("hands its own on to what it adds and spawns [15.1]", function()
    local got = {}
    weft.call_soon(function()
      request:set "callback's"
      weft.call_soon(function() got[1] = request:get() end)
      weft.spawn(function() got[2] = request:get() end)
    end)
    weft.sleep(1)
    assert.same({ "callback's", "callback's" }, got)
    assert.is_nil(request:get())
  end)
end)

describe("context_var:with", function()
  it("sets the value for fn, returns its results and restores [15.2]",
    function()
      depth:set(1)
      local function results(...) return select("#", ...), ... end
      local count, a, b, c = results(depth:with(2, function()
        weft.yield()
        return depth:get(), nil, nil
      end))
      assert.same({ 3, 2 }, { count, a, b, c })
      assert.equal(1, depth:get())
    end)

  it("restores what was not set, and for nil sets nothing [15.2]", function()
    depth:with(5, function()
      assert.equal(5, depth:get())
      depth:with(nil, function() assert.equal(0, depth:get()) end)
      assert.equal(5, depth:get())
    end)
    assert.equal(0, depth:get())
  end)

  it("restores false and tables as they were [15.2]", function()
    for _, before in ipairs { false, {} } do
      request:set(before)
      request:with("inside", function() request:set "changed" end)
      assert.is_true(rawequal(before, request:get()))
    end
  end)

  it("restores when fn fails, and raises its error [15.2]", function()
    local thrown = { "mine" }
    depth:set(1)
    local err = helper.error_of(depth.with, depth, 2, function()
      error(thrown, 0)
    end)
    assert.is_true(rawequal(thrown, err))
    assert.equal(1, depth:get())
  end)

  it("restores when its task is cancelled [15.2]", function()
    local seen
    local task = weft.spawn(function()
      pcall(depth.with, depth, 2, weft.sleep_forever)
      seen = depth:get()
      weft.yield()
    end)
    weft.yield()
    task:cancel()
    weft.yield()
    assert.equal(0, seen)
    assert.is_true(task:cancelled())
  end)

  it("is inherited from inside [15.1]", function()
    local task
    depth:with(7, function()
      task = weft.spawn(function() return depth:get() end)
    end)
    assert.equal(7, task:await())
  end)

  it("refuses an fn that is no function, and sets nothing", function()
    refuses({ "context_var:with", "fn", "nil" }, depth.with, depth, 1)
    assert.equal(0, depth:get())
  end)
end)

describe("a context variable and runs", function()
  local function in_run(fn) return run.run_with({ virtual = true }, fn) end

  it("is not set in the next run", testing.plain(function()
    for round = 1, 3 do
      in_run(function()
        assert.is_nil(request:get())
        request:set(round)
        assert.equal(round, request:get())
        assert.equal(0, depth:get())
      end)
      assert.is_nil(request:get())
    end
  end))

  it("is never taken for another run's", testing.plain(function()
    local vars = {}
    for i = 1, 20 do vars[i] = weft.context_var("v" .. i) end
    in_run(function()
      for i = 1, 20 do vars[i]:set(i) end
    end)
    in_run(function()
      for i = 20, 1, -1 do
        for j = 1, i do assert.is_nil(vars[j]:get()) end
        vars[i]:set(-i)
      end
      for i = 1, 20 do assert.equal(-i, vars[i]:get()) end
    end)
  end))

  it("gives the default where no runtime runs [15.2]", function()
    assert.is_nil(request:get())
    assert.equal(0, depth:get())
  end)

  it("cannot be set where no runtime runs: the error says what to do",
    testing.plain(function()
      local err = fails("InvalidStateError", request.set, request, 1)
      assert.is_truthy(err.message:find("context_var:set needs a runtime",
        1, true))
      assert.is_truthy(err.message:find("weft.run", 1, true))
      err = fails("InvalidStateError", request.with, request, 1, function()
        error "is not called"
      end)
      assert.is_truthy(err.message:find("context_var:with", 1, true))
    end))

  it("may be collected while tasks have values of it", function()
    local function use()
      weft.context_var("short-lived"):set {}
      collectgarbage()
      collectgarbage()
      weft.yield()
    end
    weft.gather { use, use }
    use()
  end)
end)
