--- The large blocks that the weft program keeps: what is made in them, and how
-- much stays.

local program = require "spec.program"

local function printed(text)
  local result = program.run { "-e", text }
  assert.equal("", result.err)
  return result.out
end

describe("the weft program's kept blocks", function()
  it("hold texts of all sizes, made again and again", function()
    assert.equal("whole\n", printed [[
      local function text(i, size)
        return ("%08d"):format(i) .. ("x"):rep(size - 16) .. ("%08d"):format(i)
      end
      local texts, sizes = {}, {}
      for i = 1, 1000 do
        local at, size = i % 97, 900 + i * 7919 % 90000
        local old = texts[at]
        assert(not old or old == text(i - 97, sizes[at]), "broken")
        texts[at], sizes[at] = text(i, size), size
      end
      print "whole"
    ]])
  end)

  it("do not pile up when texts get longer", function()
    assert.is_true(tonumber(printed [[
      local made = {}
      for size = 1024, 65536, 1024 do
        for i = 1, 50 do made[0] = i .. ("x"):rep(size) end
      end
      collectgarbage()
      local status = io.open("/proc/self/status"):read "*a"
      print(status:match "VmRSS:%s*(%d+)")
    ]]) < 48 * 1024)
  end)
end)
