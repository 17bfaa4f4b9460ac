--- Paths as arguments: checked, and named in what goes wrong.
-- @module weft.path

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"

local path = {}

local EBADF, ECLOSED, EBUSY = codes.EBADF, codes.ECLOSED, codes.EBUSY
local ESTATE = codes.ESTATE

--- Raises ArgumentError unless `value` can be a path. `what` is the argument:
-- "fs.open(path, mode): path".
---@param value any
---@param what string
---@param level number? whose stack the error shows: 2, the caller's caller
function path.check(value, what, level)
  level = (level or 2) + 1
  if type(value) ~= "string" then
    errors.fail_argument(what .. " must be a string, got "
      .. errors.shown(value), level)
  end
  if value == "" then
    errors.fail_argument(what .. " must not be empty", level)
  end
  if value:find("\0", 1, true) then
    errors.fail_argument(("%s must not contain a zero byte, got %q"):format(
      what, value), level)
  end
end

-- What the core's own codes mean of a file.
local own = {
  [EBADF] = "the file is closed",
  [ECLOSED] = "the file is closed",
  [EBUSY] = "another operation on the file is under way",
}

--- Raises what a code means: "open /x/y: no such file or directory (ENOENT)".
---@param code number
---@param verb string what was attempted
---@param name string the path
---@param more string? to be said behind it
---@param fields table?
function path.fail(code, verb, name, more, fields)
  local class, text, short = core.error_text(code)
  local reason = own[code] or text
  if class == "OSError" then reason = ("%s (%s)"):format(text, short) end
  if code == EBADF then code = ECLOSED end
  errors.fail(code, ("%s %s: %s%s"):format(verb, name, reason, more or ""),
    fields)
end

--- Likewise for a file that may be open for other things only.
---@param code number
---@param verb string
---@param name string
---@param purpose string "reading"
function path.fail_on_file(code, verb, name, purpose)
  if code ~= ESTATE then return path.fail(code, verb, name) end
  errors.fail(code, ("%s %s: the file is not open for %s"):format(verb, name,
    purpose))
end

--- Raises what a code means when bytes were to be written.
---@param code number
---@param name string
---@param written number how many were
---@param size number of how many
function path.fail_write(code, name, written, size)
  if code == ESTATE then path.fail_on_file(code, "write", name, "writing") end
  local more = written > 0 and ("; %d of %d bytes were written"):format(written,
    size) or nil
  path.fail(code, "write", name, more, { written = written })
end

return path
