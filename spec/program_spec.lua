-- What the specs of programs use: spec/program.lua.
local program = require "spec.program"

local WAITS = [[
  print "waits"
  io.stdout:flush()
  require("weft").sleep_forever()
]]

describe("program.start", function()
  it("gives what is ended when its spec fails before it is finished",
    function()
      local started = program.start { "-e", WAITS }
      local pid, err = started.pid, started.err
      assert.equal("waits", started:line())
      started = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      assert.not_equal(0, os.execute("kill -0 " .. pid .. " 2>/dev/null"))
      os.remove(err)
    end)
end)
