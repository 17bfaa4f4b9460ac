-- Options tables: known names, values of their kinds.
local options = require "weft.options"
local weft = require "weft"
local helper = require "spec.helper"

local refuses = helper.refuses

local kinds = { limit = options.count(1, true), name = options.text }

describe("options.check", function()
  it("gives the options back, an empty table for none", function()
    local opts = { limit = 3, name = "x" }
    assert.equal(opts, options.check("call", opts, kinds))
    assert.same({}, options.check("call", nil, kinds))
  end)

  it("refuses a name it does not know, and says which there are", function()
    refuses({ "call: there is no option 'limt'",
      "there are limit and name" }, options.check, "call", { limt = 1 }, kinds)
    refuses({ "there are a, b, c, d and e" }, options.check, "call", { x = 1 },
      { d = print, b = print, a = print, e = print, c = print })
    refuses({ "no option '1'", "there is limit" }, options.check, "call",
      { "x" }, { limit = options.flag })
  end)

  it("refuses a value that is not of its kind", function()
    refuses({ "call: limit must be a whole number of at least 1, or math.huge",
      "number 0" }, options.check, "call", { limit = 0 }, kinds)
  end)

  it("refuses what is no table", function()
    refuses({ "call: opts must be a table", "number 5" }, options.check, "call",
      5, kinds)
  end)
end)

describe("a kind of option", function()
  -- Whether each of the values is of the kind.
  local function takes(kind, values)
    for _, value in ipairs(values) do
      assert.is_nil(kind(value), tostring(value))
    end
  end

  local function leaves(kind, values)
    for i = 1, values.n or #values do
      assert.is_string(kind(values[i]), tostring(values[i]))
    end
  end

  local nan = 0 / 0

  it("is a function, a flag or a text", function()
    takes(options.func, { print })
    leaves(options.func, { "print", 1, nil, n = 3 })
    takes(options.flag, { true, false })
    leaves(options.flag, { 0, "true", nil, n = 3 })
    takes(options.text, { "a" })
    leaves(options.text, { "", 1, nil, n = 3 })
    assert.equal("true or false", options.flag(1))
    assert.equal("a string that is not empty", options.text "")
  end)

  it("is a number of seconds, or one above 0", function()
    takes(options.seconds, { 0, 0.5, math.huge })
    leaves(options.seconds, { -1, nan, "1", nil, n = 4 })
    takes(options.positive, { 0.5, math.huge })
    leaves(options.positive, { 0, -1, nan, "1", nil, n = 5 })
  end)

  it("is a count, limited or not", function()
    takes(options.count(0), { 0, 1, 7 })
    leaves(options.count(0), { -1, 1.5, math.huge, nan, "1" })
    takes(options.count(2, true), { 2, math.huge })
    leaves(options.count(2, true), { 1, 2.5, -math.huge })
  end)

  it("is a table, or a list of at least one", function()
    takes(options.table, { {} })
    leaves(options.table, { "x", nil, n = 2 })
    local kind = options.list "name"
    takes(kind, { { 1 }, { "a", "b" } })
    leaves(kind, { {}, { a = 1 }, "a", nil, n = 4 })
    assert.equal("a list of at least one name", kind {})
    refuses({ "call must be a list of at least one name, got an empty table" },
      options.expect, "call", kind, {})
  end)

  it("is what an error is matched with", function()
    takes(options.matcher, { weft.OSError, "OSError", print })
    leaves(options.matcher, { {}, 5, true, nil, n = 4 })
  end)

  it("is one of some strings", function()
    local kind = options.one_of { "a", "b", "c" }
    takes(kind, { "a", "c" })
    assert.equal("a, b or c", kind "d")
    leaves(kind, { 1, nil, n = 2 })
  end)
end)
