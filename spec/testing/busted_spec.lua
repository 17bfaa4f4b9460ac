-- The helper: how busted loads it, and a project's own helper on top of it.
local busted_child = require "busted_child"

local PASSES = "24 successes / 0 failures / 0 errors / 2 pending"
local PARKING = "spec/testing/parking.lua"

local SPEC = [[
local weft = require "weft"
it("parks", function() weft.sleep(0) end)
it("waits", function() weft.sleep(60) end)
]]

describe("weft.testing.busted", function()
  it("is loaded by the name of its module and by its path", function()
    for _, helper in ipairs { "weft.testing.busted",
      "lua/weft/testing/busted.lua" } do
      local result = busted_child.run { "-o", "plainTerminal",
        "--helper=" .. helper, PARKING }
      assert.is_truthy(result.out:find(PASSES, 1, true), result.out)
    end
  end)

  it("is named in .busted", function()
    local path = busted_child.folder {
      [".busted"] = 'return { default = { helper = "weft.testing.busted" } }',
      ["spec/a_spec.lua"] = 'it("parks", function() require("weft").sleep(0) '
        .. "end)",
    }
    local result = busted_child.run { "-o", "plainTerminal", cwd = path }
    assert.is_truthy(result.out:find("1 success / 0 failures", 1, true),
      result.out .. result.err)
  end)

  it("is asked for by a helper of the project's, with options", function()
    local path = busted_child.folder {
      [".busted"] = 'return { default = { helper = "helper.lua" } }',
      ["helper.lua"] = 'require "weft.testing.busted" { timeout = 0.05 }',
      ["spec/a_spec.lua"] = SPEC,
    }
    local result = busted_child.run { "-o", "plainTerminal", cwd = path }
    assert.is_truthy(result.out:find("1 success / 0 failures / 1 error", 1,
      true), result.out .. result.err)
    assert.is_truthy(result.out:find("no end after 0.05 s", 1, true))
  end)

  it("refuses options that are none, before any test", function()
    local path = busted_child.folder {
      ["helper.lua"] = 'require "weft.testing.busted" { shared = true }',
      ["spec/a_spec.lua"] = SPEC,
    }
    local result = busted_child.run { "--helper=helper.lua", cwd = path }
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find("no option 'shared' here", 1, true),
      result.err)
  end)

  it("is of use in busted only", function()
    local pipe = io.popen('luajit -e \'print(pcall(require, '
      .. '"weft.testing.busted"))\'')
    local text = pipe:read "*a"
    pipe:close()
    assert.is_truthy(text:find("is a helper of busted", 1, true), text)
  end)
end)
