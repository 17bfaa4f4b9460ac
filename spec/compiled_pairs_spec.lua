-- Loops over tables in a program that LuaJIT compiles. Each is run until its
-- head has been given up: a trace that was made before would lose its place.
local program = require "spec.program"

-- How often one of HEAD's loops has not seen all of five entries, of so many
-- times that its head is given up. A function of varying arguments has each
-- turn begin in the interpreter.
local LOOP = [[
  local list = { 1, 2, 3, 4, 5 }
  local map = { a = list, b = list, c = list, d = list, e = list }
  local function leave_traces(...) for _ = 1, 100 do end end

  local function count_wrong()
    local wrong = 0
    for _ = 1, 100000 do
      leave_traces()
      local count = 0
      for _, entry in HEAD(map) do
        for _ in HEAD(entry) do end
        count = count + 1
      end
      if count ~= 5 then wrong = wrong + 1 end
    end
    return wrong
  end
]]

local BY_PAIRS = LOOP:gsub("HEAD", "pairs")
local BY_NEXT = LOOP:gsub("HEAD%((%a+)%)", "next, %1")

local function output_of(script)
  local path = program.file(script)
  local result = program.run { path }
  os.remove(path)
  assert.equal("", result.err)
  return result.out
end

describe("a loop over a table", function()
  it("sees every entry when the compiler has given it up", function()
    assert.equal("0\n", output_of(BY_PAIRS .. "print(count_wrong())"))
  end)

  it("does so without pairs", function()
    assert.equal("0\n", output_of(BY_NEXT .. "print(count_wrong())"))
  end)

  it("does so in a thread", function()
    assert.equal("0\n", output_of(BY_PAIRS .. [[
      print(require("weft").to_thread(count_wrong))]]))
  end)

  it("is compiled again", function()
    assert.equal("true\n", output_of(BY_PAIRS .. [[
      count_wrong()
      print(require("jit.util").traceinfo(1) ~= nil)]]))
  end)
end)

describe("what watches LuaJIT's traces", function()
  local STOCK = "BUILD=${BUILD:-build}; "
    .. "LUA_CPATH=\"$BUILD/lua/?.so;;\" LUA_PATH=\"lua/?.lua;;\" luajit -e '"

  -- What a stock luajit prints, with what the script sets up before the run.
  local function output_of_stock(before)
    return program.output_of(STOCK .. before .. [[
      require("weft").run(function()
        for _ = 1, 200 do end
        print(seen or "nothing")
      end)' 2>&1]])
  end

  it("leaves a function that was there", function()
    assert.equal("start\n", output_of_stock [[
      jit.attach(function(event) seen = seen or event end, "trace")]])
  end)

  it("is there in a stock luajit", function()
    assert.equal("1\n", output_of_stock [[
      seen = 0
      local attach = jit.attach
      jit.attach = function(...) seen = seen + 1; return attach(...) end]])
  end)
end)
