-- The loop over a table's entries, where LuaJIT compiles it, gives it up, and
-- runs it in a finaliser: pairs fails in both programs with Debian 12's LuaJIT.
local entries = require "weft.entries"
local program = require "spec.program"

local function output_of(script)
  local path = program.file([[
    local entries = require "weft.entries"
  ]] .. script)
  local result = program.run { path }
  os.remove(path)
  assert.equal("", result.err)
  return result.out
end

describe("a loop over entries", function()
  it("sees each entry of a table once", function()
    local seen, count = {}, 0
    for key, value in entries { 10, 20, name = 30 } do
      seen[key], count = value, count + 1
    end
    assert.same({ 10, 20, name = 30 }, seen)
    assert.equal(3, count)
  end)

  it("sees none of an empty table", function()
    for _ in entries {} do error "an entry" end
  end)

  -- A function of varying arguments has each turn begin in the interpreter.
  it("sees every entry when the compiler has given it up", function()
    assert.equal("0\n", output_of [[
      local list = { 1, 2, 3, 4, 5 }
      local map = { a = list, b = list, c = list, d = list, e = list }
      local function leave_traces(...) for _ = 1, 100 do end end
      local wrong = 0
      for _ = 1, 100000 do
        leave_traces()
        local count = 0
        for _, entry in entries(map) do
          for _ in entries(entry) do end
          count = count + 1
        end
        if count ~= 5 then wrong = wrong + 1 end
      end
      print(wrong)]])
  end)

  it("ends in a finaliser", function()
    assert.equal("ended\n", output_of [[
      local function loop(t) for _ in entries(t) do end end
      for _ = 1, 100 do loop { 1, 2, 3 } end
      getmetatable(newproxy(true)).__gc = function() loop { a = 1, b = 2 } end
      collectgarbage()
      print "ended"]])
  end)
end)
