-- The user's own coroutines inside tasks, and where a call cannot wait.
local weft = require "weft"
local errors = require "weft.error"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of

testing.options { virtual = true }

local function fails(class, fn, ...)
  local err = error_of(fn, ...)
  assert.is_true(errors.is_error(err) and err:is(class), tostring(err))
  return err
end

local settle = helper.settle

-- -- Parking at any depth ----------------------------------------------------

describe("a parking call", function()
  local places = {
    pcall = function(park) assert(pcall(park)) end,
    xpcall = function(park) assert(xpcall(park, debug.traceback)) end,
    ["nested pcalls"] = function(park)
      assert(pcall(pcall, pcall, park))
    end,
    ["a metamethod"] = function(park)
      local t = setmetatable({}, { __index = function() park() return 1 end })
      assert(t.x == 1)
    end,
    ["an operator"] = function(park)
      local t = setmetatable({}, { __add = function() park() return 1 end })
      assert(t + t == 1)
    end,
    ["an iterator"] = function(park)
      local count = 0
      for _ in function()
        count = count + 1
        if count > 2 then return nil end
        park()
        return count
      end do count = count end
    end,
    ["a coroutine"] = function(park)
      assert(coroutine.resume(coroutine.create(park)))
    end,
    ["coroutine.wrap"] = function(park) coroutine.wrap(park)() end,
    ["coroutines in coroutines"] = function(park)
      coroutine.wrap(function()
        coroutine.wrap(function() coroutine.wrap(park)() end)()
      end)()
    end,
    ["a tail call"] = function(park) return park() end,
  }
  for name, run_in in pairs(places) do
    it("parks the whole task inside " .. name .. " [13.1]", function()
      local others = 0
      weft.call_later(1, function() others = others + 1 end)
      run_in(function() weft.sleep(2) end)
      assert.equal(1, others)
      assert.is_true(weft.now() >= 2)
    end)
  end

  it("returns its results where it was called, in a coroutine too [13.4]",
    function()
      local got = coroutine.wrap(function()
        return weft.sleep(1, "v"), select("#", weft.sleep(1))
      end)
      assert.same({ "v", 1 }, { got() })
    end)

  it("raises its error at the caller's position [13.4]", function()
    local line
    local _, err = weft.try(function()
      line = debug.getinfo(1, "l").currentline + 1
      weft.queue():try_get()
    end)
    assert.is_truthy(err.traceback:find("coroutine_spec.lua:" .. line, 1,
      true), err.traceback)
  end)

  it("is not seen by the resumer: resume returns when the body yields or ends "
    .. "[13.1, 13.2]", function()
    local co = coroutine.create(function(a)
      weft.sleep(1)
      local b = coroutine.yield(a + 1)
      weft.sleep(1)
      return b + 1
    end)
    assert.same({ true, 2 }, { coroutine.resume(co, 1) })
    assert.equal(1, weft.now())
    assert.same({ true, 11 }, { coroutine.resume(co, 10) })
    assert.equal(2, weft.now())
    assert.equal("dead", coroutine.status(co))
  end)
end)

-- -- Across a C boundary -----------------------------------------------------

describe("a park across a C boundary", function()
  local boundaries = {
    ["table.sort"] = function(park)
      table.sort({ 2, 1 }, function(a, b) park() return a < b end)
    end,
    ["string.gsub"] = function(park) string.gsub("x", "x", park) end,
    ["string.format"] = function(park)
      string.format("%s", setmetatable({}, { __tostring = park }))
    end,
    require = function(park)
      package.preload["weft.spec.parks"] = park
      require "weft.spec.parks"
    end,
  }
  for name, cross in pairs(boundaries) do
    it("is an InvalidStateError that names it, and the task goes on: " .. name
      .. " [13.3]", function()
      local err
      pcall(cross, function()
        err = error_of(weft.sleep, 1)
        return ""
      end)
      package.loaded["weft.spec.parks"] = nil
      package.preload["weft.spec.parks"] = nil
      assert.is_true(err:is "InvalidStateError")
      assert.is_truthy(err.message:find(name, 1, true), err.message)
      assert.is_truthy(err.message:find("sleep", 1, true), err.message)
      weft.sleep(1)
    end)
  end

  it("leaves the task usable when the error goes through it [13.3]", function()
    fails("InvalidStateError", table.sort, { 2, 1 },
      function() weft.sleep(1) end)
    weft.sleep(1)
    assert.equal(1, weft.now())
  end)

  it("is nil and a message in load with a reader [13.3]", function()
    local fn, message = load(function() weft.sleep(1) end)
    assert.is_nil(fn)
    assert.is_not_nil(message)
    weft.sleep(1)
  end)

  it("names the boundary from inside a coroutine that crosses one [13.3]",
    function()
      local err
      table.sort({ 2, 1 }, function(a, b)
        coroutine.wrap(function() err = error_of(weft.sleep, 1) end)()
        return a < b
      end)
      assert.is_true(err:is "InvalidStateError")
    end)
end)

-- -- yield, resume, status ---------------------------------------------------

describe("coroutine.yield", function()
  it("goes to the resumer, never to the scheduler [13.2]", function()
    local gen = coroutine.wrap(function()
      for i = 1, 3 do coroutine.yield(i) end
    end)
    assert.same({ 1, 2, 3 }, { gen(), gen(), gen() })
  end)

  it("with no resumer in the task is an InvalidStateError [13.2]", function()
    local err = fails("InvalidStateError", coroutine.yield, 1)
    assert.is_truthy(err.message:find("weft.yield", 1, true))
    weft.sleep(1)
  end)

  local regions = {
    scope = function(fn) weft.scope(fn) end,
    timeout = function(fn) weft.timeout(5, fn) end,
    shield = function(fn) weft.shield(fn) end,
    group = function(fn) weft.group(fn) end,
  }
  for name, region in pairs(regions) do
    it("inside a " .. name .. " opened in that coroutine is an "
      .. "InvalidStateError [13.7]", function()
      local err
      local gen = coroutine.wrap(function()
        region(function() err = error_of(coroutine.yield, 1) end)
        coroutine.yield "after"
      end)
      assert.equal("after", gen())
      assert.is_true(err:is "InvalidStateError")
    end)
  end

  it("is fine inside scopes of the resumer [13.7, 13.6]", function()
    local gen = coroutine.wrap(function() coroutine.yield(1) end)
    weft.timeout(5, function() assert.equal(1, gen()) end)
  end)
end)

describe("coroutine.resume", function()
  it("catches as pcall does: Cancelled comes back, and is raised again at the "
    .. "next point [13.8, 6.5]", function()
    local ok, err, next_point
    local scope = weft.move_on_after(1, function()
      ok, err = coroutine.resume(coroutine.create(weft.sleep_forever))
      next_point = error_of(weft.checkpoint)
      error(next_point)
    end)
    assert.is_false(ok)
    assert.is_true(err:is "CancelledError")
    assert.is_true(next_point:is "CancelledError")
    assert.is_true(scope:cancelled_caught())
  end)

  it("gives any error as it was raised [13.8, 10.1]", function()
    local mine = {}
    local ok, err = coroutine.resume(coroutine.create(function()
      weft.sleep(1)
      error(mine)
    end))
    assert.is_false(ok)
    assert.equal(mine, err)
  end)

  it("fails for a coroutine that is parked, as for any that is not suspended "
    .. "[13.5]", function()
    local co = coroutine.create(function() weft.sleep(5) end)
    local task = weft.spawn(function() assert(coroutine.resume(co)) end)
    weft.yield()
    assert.equal("normal", coroutine.status(co))
    local ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert.is_truthy(message:find("non-suspended", 1, true))
    task:await()
    assert.equal("dead", coroutine.status(co))
  end)

  it("may be done by different tasks in turn [13.5, 13.6]", function()
    local names = {}
    local co = coroutine.create(function()
      for i = 1, 3 do
        weft.sleep(1)
        names[i] = weft.current_task():name()
        coroutine.yield()
      end
    end)
    for _, name in ipairs { "a", "b", "c" } do
      weft.spawn(name, function() assert(coroutine.resume(co)) end):await()
    end
    assert.same({ "a", "b", "c" }, names)
  end)

  it("puts the coroutine under the scopes of the task that resumes it now "
    .. "[13.6]", function()
    local co = coroutine.create(function()
      coroutine.yield()
      weft.sleep_forever()
    end)
    coroutine.resume(co)
    local scope = weft.move_on_after(3, function()
      local _, err = coroutine.resume(co)
      error(err)
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("of a dead coroutine fails as in Lua", function()
    local co = coroutine.create(function() end)
    coroutine.resume(co)
    local ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert.is_truthy(message:find("dead", 1, true))
  end)

  it("cannot resume the coroutine of a task", function()
    local co
    local task = weft.spawn(function()
      co = coroutine.running()
      weft.sleep(5)
    end)
    weft.yield()
    assert.equal("normal", coroutine.status(co))
    assert.is_false((coroutine.resume(co)))
    task:await()
  end)
end)

describe("coroutine.wrap", function()
  it("raises Cancelled on [13.8]", function()
    local scope = weft.move_on_after(1, function()
      coroutine.wrap(weft.sleep_forever)()
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("raises errors as they were [13.8]", function()
    local mine = {}
    assert.equal(mine, error_of(coroutine.wrap(function() error(mine) end)))
  end)
end)

describe("coroutine.status", function()
  it("tells running, normal, suspended and dead as in Lua", function()
    local outer, seen = nil, {}
    outer = coroutine.create(function()
      seen.running = coroutine.status(outer)
      coroutine.wrap(function() seen.normal = coroutine.status(outer) end)()
      coroutine.yield()
    end)
    seen.new = coroutine.status(outer)
    coroutine.resume(outer)
    seen.suspended = coroutine.status(outer)
    coroutine.resume(outer)
    seen.dead = coroutine.status(outer)
    assert.same({ new = "suspended", running = "running", normal = "normal",
      suspended = "suspended", dead = "dead" }, seen)
  end)
end)

describe("coroutines outside a runtime", function()
  it("are as ever", function()
    local co = coroutine.create(function(a)
      local b = coroutine.yield(a + 1)
      return b + 1
    end)
    assert.same({ true, 2 }, { coroutine.resume(co, 1) })
    assert.same({ true, 6 }, { coroutine.resume(co, 5) })
    assert.equal("dead", coroutine.status(co))
  end)
end)

-- -- Cancelling --------------------------------------------------------------

describe("cancelling a task", function()
  it("unwinds the coroutines it is in, the innermost first [13.9, 6.8]",
    function()
      local log = {}
      local task = weft.spawn(function()
        weft.finally(function()
          coroutine.wrap(function()
            weft.finally(weft.sleep_forever, function()
              log[#log + 1] = "inner"
            end)
          end)()
        end, function() log[#log + 1] = "outer" end)
      end)
      settle()
      task:cancel()
      settle()
      assert.same({ "inner", "outer" }, log)
      assert.is_true(task:cancelled())
    end)

  it("leaves a suspended coroutine that nobody resumes alone [13.9]", function()
    local cleaned = false
    local task = weft.spawn(function()
      local co = coroutine.wrap(function()
        local ok = pcall(coroutine.yield)
        cleaned = not ok
      end)
      co()
      weft.sleep_forever()
    end)
    settle()
    task:cancel()
    settle()
    assert.is_true(task:cancelled())
    assert.is_false(cleaned)
  end)
end)
