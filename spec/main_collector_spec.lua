--- How often the weft program collects garbage, as the collector's pause tells.

local program = require "spec.program"

-- What a script of this text prints. `pause()` collects and gives the pause
-- that was set then, `texts(n)` makes garbage of n texts of 64 KiB, and `alive`
-- is there to keep things in.
local function printed(text)
  local result = program.run { "-e", [[
    local alive = {}
    local function pause()
      collectgarbage()
      local found = collectgarbage("setpause", 1)
      collectgarbage("setpause", found)
      return found
    end
    local made = 0
    local function texts(n)
      for _ = 1, n do
        made = made + 1
        alive[0] = made .. ("x"):rep(2 ^ 16)
      end
    end
  ]] .. text }
  assert.equal("", result.err)
  return result.out
end

describe("the weft program's collector", function()
  it("lets more garbage come together while that is of long texts", function()
    assert.equal("true\n", printed [[
      collectgarbage()
      texts(20)
      print(pause() > 300)
    ]])
  end)

  it("goes LuaJIT's way where objects are small", function()
    assert.equal("true\n", printed [[
      texts(20)
      collectgarbage()
      for i = 1, 10000 do alive = { i } end
      print(pause() < 205)
    ]])
  end)

  it("goes LuaJIT's way where much is alive", function()
    assert.equal("true\n", printed [[
      for i = 1, 64 do alive[i] = i .. ("x"):rep(2 ^ 20) end
      texts(100)
      print(pause() < 215)
    ]])
  end)

  it("collects by itself", function()
    assert.is_true(tonumber(printed [[
      local most = 0
      for _ = 1, 100 do
        texts(10)
        most = math.max(most, collectgarbage "count")
      end
      print(most)
    ]]) < 32 * 1024)
  end)

  it("leaves a pause alone that the script has set", function()
    assert.equal("150\t150\n", printed [[
      collectgarbage("setpause", 150)
      texts(20)
      print(pause(), pause())
    ]])
  end)
end)
