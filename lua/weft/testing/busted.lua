--- The helper of busted that makes tests run in tasks.
--
-- In `.busted`: `helper = "weft.testing.busted"`; or from a helper of the
-- project's own, with options for all tests:
-- `require "weft.testing.busted" { timeout = 2 }`.
-- @module weft.testing.busted

local core = require "weft.core"
local options = require "weft.testing.options"
local suite = require "weft.testing.suite"

-- What goes wrong in a helper busted takes for a string.
local function fail(text) error("weft.testing.busted: " .. text, 0) end

-- busted gives helpers only its public face; the functions of that know the
-- rest.
local function find_core()
  local face = package.loaded["busted.core"] and require "busted"
  local index = face and (getmetatable(face) or {}).__index
  for i = 1, 10 do
    local name, value = debug.getupvalue(index or find_core, i)
    if name == "busted" and type(value) == "table" and value.safe then
      return value
    end
  end
  fail("it is a helper of busted (of 2.1 or later), which does not run here")
end

local busted_core = find_core()

if core.is_running() then
  require("weft.testing.program").take_over(arg[0])
  fail("busted runs in a task here, as a script of weft's, so tests cannot "
    .. "have runtimes of their own: use weft test")
end

suite.install(busted_core)

return setmetatable({}, {
  __name = "weft.testing.busted",
  __call = function(helper, given)
    local ok, err = pcall(options.set, given)
    if not ok then fail(tostring(err)) end
    return helper
  end,
})
