-- One test in a runtime, as whoever is not busted runs it.
local weft = require "weft"
local case = require "weft.testing.case"
local debugging = require "weft.debug"
local options = require "weft.testing.options"
local testing = require "weft.testing"

local plain = testing.plain

local function alone(given, fn)
  return pcall(case.run_alone, options.complete(given), fn)
end

describe("weft.testing.case", function()
  it("runs a test, and says nothing where all is well", plain(function()
    local ran
    assert.is_true(alone({}, function()
      weft.sleep(0)
      ran = true
    end))
    assert.is_true(ran)
  end))

  it("raises the test's own error, whatever it is", plain(function()
    local object = {}
    local ok, err = alone({}, function() error(object) end)
    assert.is_false(ok)
    assert.equal(object, err)
    ok, err = alone({}, function() error() end)
    assert.is_false(ok)
    assert.equal("nil", err.message)
  end))

  it("undoes what was deferred, and fails if that does", plain(function()
    local said = {}
    local ok, err = alone({}, function()
      testing.defer(function() error "cannot" end)
      testing.defer(function() said[1] = "undone" end)
    end)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find "cannot")
    assert.same({ "undone" }, said)
  end))

  it("tells the seed of what fails", plain(function()
    local ok, err = alone({ seed = 9 }, function()
      weft.spawn("left", weft.sleep_forever)
    end)
    assert.is_false(ok)
    assert.is_truthy(err:find("task left #2", 1, true), err)
    assert.is_truthy(err:find("WEFT_SEED=9", 1, true), err)
  end))

  it("has the clock where it is virtual only", plain(function()
    alone({ virtual = true }, function(clock)
      assert.equal(clock, case.clock())
      assert.equal(0, clock:now())
    end)
    assert.is_nil(case.clock())
    assert.is_true(alone({}, function(clock)
      assert.is_nil(clock)
      assert.is_nil(case.clock())
    end))
  end))

  it("has places and deadlocks told, and then as before", plain(function()
    local inside
    debugging.debug { sites = false, deadlock = true }
    alone({}, function() inside = debugging.debug() end)
    local after = debugging.debug()
    debugging.debug { deadlock = false }
    assert.is_true(inside.sites and inside.deadlock)
    assert.is_false(after.sites)
    assert.is_true(after.deadlock)
  end))

  it("ends with the test what that asked of weft.debug", plain(function()
    local before = debugging.debug()
    assert.is_true(alone({}, function()
      weft.debug { slow = 30, leaks = true, sites = false }
    end))
    assert.same(before, debugging.debug())
  end))

  it("knows descriptors that were open before", plain(function()
    local before = io.open "/dev/null"
    assert.is_true(alone({}, function() assert.is_truthy(before) end))
    local left
    local ok, err = alone({}, function() left = io.open "/dev/zero" end)
    before:close()
    left:close()
    assert.is_false(ok)
    assert.is_truthy(err:find("/dev/zero", 1, true))
    assert.is_nil(err:find("/dev/null", 1, true))
  end))

  it("sees many descriptors", plain(function()
    local files = {}
    for i = 1, 300 do files[i] = io.open "/dev/null" end
    local left
    local ok, err = alone({}, function() left = io.open "/dev/zero" end)
    for _, file in ipairs(files) do file:close() end
    left:close()
    assert.is_false(ok)
    assert.is_truthy(err:find("/dev/zero", 1, true))
  end))
end)
