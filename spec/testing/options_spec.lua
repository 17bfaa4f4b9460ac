-- Options of tests: which hold where, and what is refused.
local busted_child = require "busted_child"
local options = require "weft.testing.options"

local HELPER = "--helper=weft.testing.busted"

local function refusal(...)
  local ok, err = pcall(options.check, "f(options)", ...)
  assert.is_false(ok)
  assert.equal("ArgumentError", err.name)
  return err.message
end

describe("weft.testing.options", function()
  it("keeps what is right", function()
    local given = { timeout = 3, virtual = true, seed = "random",
      leaks = false }
    local checked = options.check("f(options)", given)
    assert.same(given, checked)
    assert.is_not.equal(given, checked)
    assert.same({}, options.check("f(options)", nil))
    assert.equal(math.huge, options.check("f", { timeout = false }).timeout)
  end)

  it("names what is wrong, and what would be right", function()
    assert.equal("f(options): options must be a table, got number 1",
      refusal(1))
    assert.equal("f(options): there is no option 'time'; the options are "
      .. "leaks, plain, seed, shared, timeout, virtual", refusal { time = 1 })
    assert.equal("f(options): timeout must be a number of seconds above 0, or "
      .. 'false for no limit, got string "1"', refusal { timeout = "1" })
    assert.equal("f(options): virtual must be true or false, got number 1",
      refusal { virtual = 1 })
    assert.equal('f(options): seed must be a whole number of 0 or more, '
      .. '"random", or false for none, got number 1.5', refusal { seed = 1.5 })
    assert.equal("f(options): there is no option 'shared' here; the options "
      .. "are leaks, plain, seed, shared, timeout, virtual",
      refusal({ shared = true }, { shared = true }))
  end)

  it("has a limit in real time for all, that of the clock for some", function()
    local all = tonumber(os.getenv "WEFT_TEST_TIMEOUT") or 5
    local real = options.complete {}
    assert.equal(all, real.timeout)
    local virtual = options.complete { virtual = true }
    assert.equal(math.huge, virtual.timeout)
    assert.equal(all, virtual.guard)
    assert.equal(2, options.complete({ virtual = true, timeout = 2 }).timeout)
    local plain = options.complete { virtual = true, plain = true }
    assert.equal(all, plain.timeout)
  end)

  it("holds for what is inside, the innermost first", function()
    local result = busted_child.run { HELPER, "-o", "TAP",
      "spec/testing/nested_options.lua" }
    assert.is_truthy(result.out:find("1..6", 1, true), result.out)
    assert.is_nil(result.out:find("not ok", 1, true), result.out)
    assert.equal(0, result.status)
  end)

  it("is refused in a test, and where the describe is told of it", function()
    local told = busted_child.failing("options").told
    local function says(name, piece)
      assert.equal("error", told[name].kind)
      assert.is_truthy(told[name].message:find(piece, 1, true),
        told[name].message)
    end
    says("options in a test", "testing.options belongs in a describe")
    says("options unknown", "options.lua:8: ArgumentError: with(options, fn)")
    says("options in a describe", "options.lua:14: ArgumentError")
    says("options run inside run", "testing.plain(fn)")
  end)

  it("is read from the environment", function()
    local result = busted_child.run { HELPER, "spec/testing/nested_options.lua",
      env = { WEFT_TEST_TIMEOUT = "soon" } }
    assert.is_truthy(result.out:find("WEFT_TEST_TIMEOUT must be a number of "
      .. "seconds above 0, or false for no limit, got \"soon\"", 1, true),
      result.out)
  end)
end)
