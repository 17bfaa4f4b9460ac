--- The helper of busted that makes tests run in tasks.
--
-- In `.busted`: `helper = "weft.testing.busted"`; or from a helper of the
-- project's own, with options for all tests:
-- `require "weft.testing.busted" { timeout = 2 }`.
-- @module weft.testing.busted

local errors = require "weft.error"
local options = require "weft.testing.options"
local suite = require "weft.testing.suite"
require "weft.testing.assertions"

-- busted gives helpers only its public face; the functions of that know the
-- rest.
local function find_core()
  local loaded = package.loaded["busted.core"]
  local face = loaded and require "busted"
  local index = face and (getmetatable(face) or {}).__index
  for i = 1, 10 do
    local name, value = debug.getupvalue(index or find_core, i)
    if name == "busted" and type(value) == "table" and value.safe then
      return value
    end
  end
  errors.fail_state("weft.testing.busted is a helper of busted (of 2.1 or "
    .. "later), which does not run here")
end

suite.install(find_core())

local helper = setmetatable({}, { __name = "weft.testing.busted" })

getmetatable(helper).__call = function(_, given)
  options.set(given)
  return helper
end

return helper
