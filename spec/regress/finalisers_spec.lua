-- What once broke when a finaliser ran in the middle of something. A loop over
-- `pairs` that LuaJIT has compiled may never end there: it does so where the
-- table has values of other types than the loop was compiled for.
local program = require "spec.program"

-- The script defines main, which is interpreted and must come to its end.
local function ends(script)
  local result = program.run {
    "-e", 'local weft = require "weft";' .. script .. [[

      jit.off(main)
      main()
      print "ended"
    ]],
  }
  assert.equal("ended\n", result.out)
end

-- Runs fn(value) often enough that it is compiled, then in finalisers for other
-- values.
local function ends_in_finalisers(fn)
  ends([[
    local values = { { 1, 2 }, { a = 1, b = 2 }, { x = "y", z = true }, {},
      { "p", "q" }, { false, 1 }, { c = {} }, { {}, { 1 } } }
    local fn = ]] .. fn .. [[

    local function main()
      for _, value in ipairs(values) do
        for _ = 1, 100 do fn(value) end
        for _, other in ipairs(values) do
          getmetatable(newproxy(true)).__gc = function() fn(other) end
          collectgarbage()
        end
      end
    end]])
end

describe("a finaliser", function()
  it("may make weft's errors, however often", function()
    ends_in_finalisers "function(value) weft.Error('x', value) end"
  end)

  it("may pack a value, also when other modules have been loaded", function()
    ends [[
      local map = require("weft.names").map -- packing looks at it
      local function main()
        for _ = 1, 20 do map() end
        for i = 1, 60 do
          package.loaded["module " .. i] = i % 2 == 0 and print or i
          getmetatable(newproxy(true)).__gc = map
          collectgarbage()
        end
      end]]
  end)

  it("may write JSON", function()
    ends_in_finalisers "function(value) pcall(weft.json.encode, value) end"
  end)

  it("may show a value", function()
    ends_in_finalisers "require('weft.show').value"
  end)

  it("may spawn a task while another is spawned [4.1]", function()
    local result = program.run {
      "-e", [[
        jit.off()
        local weft = require "weft"
        local event, spawned, ended = weft.event(), 0, 0
        local function spawn()
          spawned = spawned + 1
          weft.spawn(function()
            event:wait()
            ended = ended + 1
          end)
        end
        collectgarbage("setpause", 0) -- it runs wherever something is allocated
        collectgarbage("setstepmul", 1000)
        for _ = 1, 1000 do
          getmetatable(newproxy(true)).__gc = spawn
          spawn()
        end
        collectgarbage "stop"
        weft.yield()
        event:set()
        for _ = 1, 10 do weft.yield() end
        print(ended == spawned and "all ended" or ended .. " of " .. spawned)
      ]],
    }
    assert.equal("all ended\n", result.out)
  end)

  it("gets the object of a task that is being made", function()
    local result = program.run {
      "-e", [[
        local weft = require "weft"
        local real, seen = setmetatable
        local function litter()
          getmetatable(newproxy(true)).__gc = function()
            seen = weft.current_task()
          end
        end
        function setmetatable(...)
          setmetatable = real
          collectgarbage()
          return real(...)
        end
        weft.gather { function()
          litter()
          local mine = weft.current_task()
          print(seen == mine, weft.current_task() == mine)
        end }
      ]],
    }
    assert.equal("true\ttrue\n", result.out)
  end)
end)
