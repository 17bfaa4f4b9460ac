--- Variables of the environment for the time of a test.
-- @module weft.testing.env

local ffi = require "ffi"

local errors = require "weft.error"
local finalizers = require "weft.testing.finalizers"

local env = {}

ffi.cdef [[
  int setenv(const char *name, const char *value, int overwrite);
  int unsetenv(const char *name);
]]

local function put(name, value)
  if value == nil then ffi.C.unsetenv(name)
  else ffi.C.setenv(name, value, 1) end
end

local function check_name(name)
  if type(name) == "string" and name ~= "" and not name:find "[=%z]" then
    return
  end
  errors.fail_argument("env(name, value): name must be a string without \"=\" "
    .. "that is not empty, got " .. errors.shown(name), 3)
end

--- Sets the variable `name`, or removes it for nil, until the end of the test:
-- for `os.getenv` and for processes that are started.
---@param name string
---@param value string?
function env.set(name, value)
  check_name(name)
  if value ~= nil and (type(value) ~= "string" or value:find "%z") then
    errors.fail_argument("env(name, value): value must be a string without "
      .. "zero bytes, or nil, got " .. errors.shown(value))
  end
  finalizers.check "testing.env"
  finalizers.defer(put, name, os.getenv(name))
  put(name, value)
end

return env
