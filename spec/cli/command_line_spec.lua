-- Which arguments are the program's, and which the script's.
local command_line = require "weft.cli.command_line"

local function part(...)
  local own, rest, index, ended = command_line.part { ... }
  return table.concat(own, " "), table.concat(rest, " "), index, ended
end

local function parted(own, rest, index, ended, ...)
  assert.same({ own, rest, index, ended or false }, { part(...) })
end

describe("weft.cli.command_line", function()
  it("parts the program's arguments from the script's", function()
    parted("", "", 1)
    parted("", "a.lua -e x", 1, false, "a.lua", "-e", "x")
    parted("-i", "a.lua", 2, false, "-i", "a.lua")
    parted("", "- x", 1, false, "-", "x")
  end)

  it("leaves an option its value", function()
    for _, option in ipairs { "-e", "--execute", "--trace", "--tree", "--top",
      "--interval" } do
      parted(option .. " v", "a.lua", 3, false, option, "v", "a.lua")
      parted(option, "", 3, false, option)
    end
    parted("--trace=t.json", "a.lua", 2, false, "--trace=t.json", "a.lua")
  end)

  it("ends the options at --", function()
    parted("--debug", "-x", 3, true, "--debug", "--", "-x")
    parted("", "", 2, true, "--")
  end)

  it("reads options and their values", function()
    local options = command_line.parse { "--debug", "--inspect", "-i",
      "--top=12", "--interval", "0.5" }
    assert.is_true(options.debug and options.inspect and options.interactive)
    assert.equal("12", options.top)
    assert.equal(0.5, options.interval)
    assert.equal("./socket",
      command_line.parse({ "--tree", "./socket" }).tree)
    assert.same({}, command_line.parse {})
  end)

  it("says in one line what is wrong", function()
    local options, wrong = command_line.parse { "--inspekt" }
    assert.is_nil(options)
    assert.equal("unknown option '--inspekt'; Did you mean '--inspect'", wrong)
  end)
end)
