-- `weft test`: busted inside the weft program.
local busted_child = require "busted_child"

local PARKING = "spec/testing/parking.lua"

local function has(text, piece)
  assert.is_truthy(text:find(piece, 1, true),
    "no '" .. piece .. "' in: " .. text)
end

describe("weft test", function()
  it("runs specs in tasks, without a line in .busted", function()
    local result = busted_child.weft_test { "-o", "plainTerminal", PARKING }
    has(result.out, "24 successes / 0 failures / 0 errors / 2 pending")
    assert.equal(0, result.status)
    assert.equal("", result.err)
  end)

  it("finds weft and the specs from whatever folder", function()
    local path = busted_child.folder {
      ["spec/a_spec.lua"] = [[
        local weft = require "weft"
        it("parks", function() weft.sleep(0) end)
        it("has arguments", function() assert.equal("weft test", arg[0]) end)
      ]],
    }
    local result = busted_child.weft_test { "-o", "plainTerminal", cwd = path }
    has(result.out .. result.err, "2 successes / 0 failures / 0 errors")
  end)

  it("keeps the project's own helper", function()
    local path = busted_child.folder {
      [".busted"] = 'return { default = { helper = "helper.lua" } }',
      ["helper.lua"] = "SAID = 'helped'",
      ["spec/a_spec.lua"] = [[
        it("has both", function()
          require("weft").sleep(0)
          assert.equal("helped", SAID)
        end)
      ]],
    }
    local result = busted_child.weft_test { "-o", "plainTerminal", cwd = path }
    has(result.out .. result.err, "1 success / 0 failures / 0 errors")
  end)

  it("passes options on to busted, and its status back", function()
    local result = busted_child.weft_test { "-o", "TAP", "--filter=order",
      "spec/failing/seed.lua" }
    has(result.out, "not ok 1 - tells the order")
    has(result.out, "1..1")
    assert.equal(1, result.status)
    has(busted_child.weft_test({ "--version" }).out, "2.")
  end)

  it("tells of wrong options under its own name", function()
    local result = busted_child.weft_test { "--no-such-option" }
    assert.equal(1, result.status)
    has(result.err, "weft test: error: ")
    local help = busted_child.weft_test { "--help" }
    has(help.out .. help.err, "Usage: weft test [OPTIONS]")
  end)

  it("is what busted as a script of weft's becomes", function()
    local path = busted_child.folder {
      [".busted"] = ([[return { default = { lua = "%s",
        helper = "weft.testing.busted", output = "TAP" } }]])
        :format(os.getenv "WEFT" or "weft"),
      ["spec/a_spec.lua"] = [[
        local weft = require "weft"
        local testing = require "weft.testing"
        it("parks", function() weft.sleep(0) end)
        it("is virtual", testing.virtual(function() weft.sleep(9) end))
        it("fails", function() assert.equal("weft test", arg[0] .. "?") end)
      ]],
    }
    local result = busted_child.run { "--filter-out=none", cwd = path }
    local same = busted_child.weft_test { "--filter-out=none", cwd = path }
    has(result.out .. result.err, "ok 2 - is virtual")
    has(result.out, "weft test?")
    has(same.out, "ok 2 - is virtual")
    assert.equal(1, result.status)
  end)

  it("says what is missing where busted is not installed", function()
    local result = busted_child.weft_test { PARKING,
      env = { LUA_PATH = "/nowhere/?.lua" } }
    assert.equal(1, result.status)
    has(result.err, "busted is not to be found")
  end)
end)
