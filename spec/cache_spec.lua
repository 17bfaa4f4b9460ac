-- Caches: many may ask, one loads.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

-- A cache whose loads take a second and give "<key> <number of the load>", and
-- the loads: "<key> at <begin>", in order.
local function new_cache(opts)
  local loads = {}
  return weft.cache(function(key)
    local number = #loads + 1
    loads[number] = key .. " at " .. weft.now()
    weft.sleep(1)
    return key .. number
  end, opts), loads
end

describe("cache:get", function()
  it("loads a key once, and keeps it", function()
    local cache, loads = new_cache { max = math.huge }
    assert.equal("a1", cache:get "a")
    assert.equal("a1", cache:get "a")
    assert.equal("b2", cache:get "b")
    weft.sleep(1e6)
    assert.equal("a1", cache:get "a")
    assert.same({ "a at 0", "b at 1" }, loads)
    assert.equal(2, cache:size())
  end)

  it("keeps all results, nils and none too", function()
    local loads = 0
    local cache = weft.cache(function(_, ...)
      loads = loads + 1
      return ...
    end)
    for _ = 1, 2 do
      assert.equal(3, select("#", cache:get("a", nil, 2, nil)))
      assert.equal(2, (select(2, cache:get("a"))))
      assert.equal(0, select("#", cache:get("b")))
      assert.is_nil((cache:get("c", nil)))
    end
    assert.equal(3, loads)
  end)

  it("passes its arguments to load", function()
    local cache = weft.cache(function(key, a, b) return key .. a .. b end)
    assert.equal("k12", cache:get("k", 1, 2))
  end)

  it("loads once for all who ask at a time", function()
    local cache, loads = new_cache()
    local results = weft.gather {
      function() return cache:get "a" end,
      function() return cache:get "a" end,
      function()
        weft.sleep(0.5)
        return cache:get "a"
      end,
      function() return cache:get "b" end,
    }
    assert.same({ "a1", "a1", "a1", "b2", n = 4 }, results)
    assert.equal(1, weft.now())
    assert.equal(2, #loads)
  end)

  it("takes any key but nil and NaN", function()
    local cache = weft.cache(function(key) return { key } end)
    for _, key in ipairs { 1, true, {}, print, 0.5 } do
      assert.equal(cache:get(key), cache:get(key))
      assert.equal(key, cache:get(key)[1])
    end
    assert.is_false(cache:get(false)[1])
    refuses({ "cache:get(key): key", "nil" }, cache.get, cache)
    refuses({ "cache:get(key): key", "NaN" }, cache.get, cache, 0 / 0)
    refuses({ "cache:invalidate(key): key", "nil" }, cache.invalidate, cache)
  end)

  it("is a cancellation point, though it has the key [3.2]", function()
    local cache = new_cache()
    cache:get "a"
    weft.scope(function(scope)
      scope:cancel()
      fails("CancelledError", cache.get, cache, "a")
    end)
  end)

  it("fails where load asks for the same key", function()
    local cache
    cache = weft.cache(function(key) return cache:get(key) end)
    fails("InvalidStateError", cache.get, cache, "a")
    fails("InvalidStateError", cache.get, cache, "a")
  end)

  it("may be called by load for another key", function()
    local cache
    cache = weft.cache(function(n)
      if n < 2 then return n end
      return cache:get(n - 1) + cache:get(n - 2)
    end)
    assert.equal(832040, cache:get(30))
    assert.equal(31, cache:size())
  end)
end)

describe("a load", function()
  it("goes on while others wait for it, if one is cancelled [4.8]", function()
    local cache, loads = new_cache()
    local first = weft.spawn(function() cache:get "a" end)
    local second = weft.spawn(function() return cache:get "a" end)
    weft.sleep(0.5)
    first:cancel()
    assert.equal("a1", second:await())
    assert.equal(1, weft.now())
    assert.equal(1, #loads)
    assert.is_true(first:cancelled())
  end)

  it("is cancelled with the last who waits for it, and awaited", function()
    local unwound
    local cache = weft.cache(function()
      weft.finally(weft.sleep_forever, function()
        weft.sleep(2)
        unwound = weft.now()
      end)
    end)
    weft.move_on_after(5, function()
      weft.group(function(g)
        for _ = 1, 3 do g:spawn(function() cache:get "a" end) end
      end)
    end)
    assert.equal(7, unwound)
    assert.equal(7, weft.now())
    assert.equal(0, cache:size())
  end)

  it("begins anew for who asks while the old one still unwinds", function()
    local loads = 0
    local cache = weft.cache(function()
      loads = loads + 1
      local number = loads
      weft.finally(function() weft.sleep(10) end,
        function() weft.sleep(5) end)
      return number
    end)
    weft.spawn(function()
      weft.move_on_after(1, function() cache:get "a" end)
    end)
    weft.sleep(2)
    assert.equal(2, cache:get "a")
    assert.equal(17, weft.now())
    assert.equal(2, cache:get "a")
  end)

  it("that ends as its last waiter is cancelled is kept [3.4]", function()
    local gate = weft.future()
    local cache = weft.cache(function() return gate:await() end)
    local waiter = weft.spawn(function() return cache:get "a" end)
    weft.sleep(1)
    gate:set_result "x"
    local was_cancelled -- after the load's end, before the waiter runs
    weft.call_soon(function() was_cancelled = waiter:cancel() end)
    assert.equal("x", waiter:await())
    assert.is_true(was_cancelled)
    assert.equal(1, cache:size())
  end)

  it("that has ended when its last waiter goes is kept", function()
    local waiter
    local cache = weft.cache(function()
      waiter:cancel()
      return "x"
    end)
    waiter = weft.spawn(cache.get, cache, "a")
    weft.sleep(1)
    assert.is_true(waiter:cancelled())
    assert.equal(1, cache:size())
    assert.equal("x", cache:get "a")
  end)

  it("that fails as its last waiter is cancelled is reported [4.12]", function()
    local waiter
    local cache = weft.cache(function()
      waiter:cancel()
      error(weft.OSError "x")
    end)
    waiter = weft.spawn(cache.get, cache, "a")
    weft.sleep(1)
    assert.is_true(waiter:cancelled())
    assert.equal(0, cache:size())
    collectgarbage()
    collectgarbage()
    weft.yield()
    assert.equal("x", testing.reports()[1].err.message)
  end)

  it("that fails fails all who wait, and is not kept", function()
    local loads = 0
    local cache = weft.cache(function()
      loads = loads + 1
      weft.sleep(1)
      if loads == 1 then error(weft.OSError "x") end
      return "fine"
    end)
    local function get() return cache:get "a" end
    local results = weft.gather({ get, get }, { return_errors = true })
    assert.equal("x", results[1].message)
    assert.equal("x", results[2].message)
    assert.equal(0, cache:size())
    assert.equal("fine", get())
    assert.equal(2, loads)
  end)

  it("that is cancelled by itself is a TaskCancelledError", function()
    local cache = weft.cache(function()
      weft.current_task():cancel "enough"
      weft.sleep(1)
    end)
    local err = fails("TaskCancelledError", cache.get, cache, "a")
    assert.equal("enough", err.reason)
    fails("TaskCancelledError", cache.get, cache, "a")
  end)
end)

describe("a cache's error_ttl", function()
  it("keeps a failure so long", function()
    local loads = 0
    local cache = weft.cache(function()
      loads = loads + 1
      error(weft.OSError("no " .. loads))
    end, { error_ttl = 10, ttl = 1000 })
    assert.equal("no 1", error_of(cache.get, cache, "a").message)
    weft.sleep(9)
    assert.equal("no 1", error_of(cache.get, cache, "a").message)
    assert.equal(1, cache:size())
    weft.sleep(1)
    assert.equal("no 2", error_of(cache.get, cache, "a").message)
  end)

  it("keeps one error object, whatever was raised [10.1]", function()
    local cache = weft.cache(function() error({ 7 }, 0) end, { error_ttl = 9 })
    local first = error_of(cache.get, cache, "a")
    assert.same({ 7 }, first.value)
    assert.equal(first, error_of(cache.get, cache, "a"))
  end)

  it("keeps no cancellation", function()
    local loads = 0
    local cache = weft.cache(function()
      loads = loads + 1
      weft.sleep(5)
      return loads
    end, { error_ttl = 100 })
    weft.move_on_after(1, function() cache:get "a" end)
    assert.equal(0, cache:size())
    assert.equal(2, cache:get "a")
  end)
end)

describe("a cache's ttl", function()
  it("counts from the end of the load", function()
    local cache, loads = new_cache { ttl = 10 }
    cache:get "a"
    weft.sleep(9.5)
    assert.equal("a1", cache:get "a")
    weft.sleep(0.5)
    assert.equal("a2", cache:get "a")
    assert.same({ "a at 0", "a at 11" }, loads)
  end)
end)

describe("a cache's max", function()
  it("drops what was used longest ago", function()
    local cache, loads = new_cache { max = 2 }
    cache:get "a"
    cache:get "b"
    cache:get "a"
    cache:get "c"
    assert.equal(2, cache:size())
    assert.equal("a1", cache:get "a")
    assert.equal("c3", cache:get "c")
    assert.equal("b4", cache:get "b")
    assert.equal("c3", cache:get "c")
    assert.equal("a5", cache:get "a")
    assert.equal(5, #loads)
  end)

  it("holds in a long random use, as a list in order of use does", function()
    local max, loads = 7, 0
    local cache = weft.cache(function(key)
      loads = loads + 1
      return key
    end, { max = max })
    local used = {} -- keys, used last at the end
    math.randomseed(5)
    for _ = 1, 3000 do
      local key, known = math.random(12), false
      for i, other in ipairs(used) do
        if other == key then known = table.remove(used, i) end
      end
      local before = loads
      if math.random(20) == 1 then
        assert.equal(known == key, cache:invalidate(key))
      else
        assert.equal(key, cache:get(key))
        assert.equal(known and 0 or 1, loads - before)
        table.insert(used, key)
        if #used > max then table.remove(used, 1) end
      end
      assert.equal(#used, cache:size())
    end
  end)
end)

describe("forgetting", function()
  it("a key has the next get load it", function()
    local cache = new_cache()
    cache:get "a"
    cache:get "b"
    assert.is_true(cache:invalidate "a")
    assert.is_false(cache:invalidate "a")
    assert.equal("b2", cache:get "b")
    assert.equal("a3", cache:get "a")
  end)

  it("a key that is being loaded has the result not kept", function()
    local cache = new_cache()
    local waiter = weft.spawn(function() return cache:get "a" end)
    weft.sleep(0.5)
    assert.is_true(cache:invalidate "a")
    assert.equal("a2", cache:get "a")
    assert.equal("a1", waiter:await())
    assert.equal("a2", cache:get "a")
    assert.equal(1, cache:size())
  end)

  it("all keys, also those being loaded", function()
    local cache = new_cache()
    cache:get "a"
    cache:get "b"
    local waiter = weft.spawn(function() return cache:get "c" end)
    weft.sleep(0.5)
    cache:clear()
    assert.equal(0, cache:size())
    assert.equal("c3", waiter:await())
    assert.equal(0, cache:size())
    assert.equal("a4", cache:get "a")
    assert.equal(1, cache:size())
  end)

  it("a key lets its last waiter, cancelled, cancel only its own load",
    function()
      local cache, loads = new_cache()
      local waiter = weft.spawn(function() cache:get "a" end)
      weft.sleep(0.1)
      cache:invalidate "a"
      local other = weft.spawn(function() return cache:get "a" end)
      weft.sleep(0.1)
      waiter:cancel()
      assert.equal("a2", other:await())
      assert.equal("a2", cache:get "a")
      assert.equal(2, #loads)
    end)
end)

describe("weft.cache refuses", function()
  it("wrong arguments", function()
    refuses({ "cache(load, opts): load", "nil" }, weft.cache)
    refuses({ "cache: opts", "table" }, weft.cache, print, 5)
    refuses({ "no option", "size", "error_ttl, max and ttl" }, weft.cache,
      print, { size = 5 })
    refuses({ "ttl", "above 0", "number 0" }, weft.cache, print, { ttl = 0 })
    refuses({ "error_ttl", "above 0" }, weft.cache, print,
      { error_ttl = "1" })
    refuses({ "max", "at least 1" }, weft.cache, print, { max = 0 })
  end)
end)
