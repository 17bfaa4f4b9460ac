--- `weft test`: busted inside the weft program.
-- @module weft.testing.program

local program = {}

local EXIT_FAILED = 1
local NAME = "weft test"

-- busted's core is made by a function; the one that is made gets our tests.
local function catch_core()
  local make = require "busted.core"
  package.loaded["busted.core"] = function(...)
    local core = make(...)
    package.loaded["busted.core"] = make
    require("weft.testing.suite").install(core)
    return core
  end
end

-- busted takes the command line from `arg`, and the name of the program from
-- the chunk that calls it. It raises nil to leave with a status but 0.
local function call_runner()
  local chunk = assert(loadstring(
    "require 'busted.runner'({ standalone = false })", "@" .. NAME))
  return pcall(chunk)
end

--- Runs the specs named in `args`, which are busted's own arguments.
---@param args string[]
---@return number status busted's
function program.main(args)
  local found, err = pcall(require, "busted.core")
  if not found then
    io.stderr:write(NAME, ": busted is not to be found: install lua-busted, or "
      .. "luarocks install busted; ", tostring(err), "\n")
    return EXIT_FAILED
  end
  local arg = { [0] = NAME }
  for i, value in ipairs(args) do arg[i] = value end
  _G.arg = arg
  catch_core()
  local ok, failure = call_runner()
  if ok then return 0 end
  if failure ~= nil then
    io.stderr:write(NAME, ": ", tostring(failure), "\n")
  end
  return EXIT_FAILED
end

return program
