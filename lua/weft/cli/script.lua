--- Running a script, or code, as the main task.
-- @module weft.cli.script

local outcome = require "weft.cli.outcome"

local script = {}

--- Runs `main(...)` and returns the exit status.
---@param main function
---@param ... any
---@return number
function script.run(main, ...)
  local run = require("weft").run
  require("weft.inspect").on_signal()
  local ok, result = pcall(run, main, ...)
  return outcome.flush(ok and outcome.of_result(result)
    or outcome.explain(result))
end

-- What goes wrong in loading is a line for the user.
local function checked(chunk, err)
  if chunk then return chunk end
  outcome.complain("%s", err)
  return nil, outcome.FAILED
end

--- The function of code given on the command line, or nil and the exit status.
---@param code string
function script.load_code(code) return checked(loadstring(code, "=(-e)")) end

--- The function of the script at `path`, "-" for standard input; or nil and the
-- exit status.
---@param path string
function script.load_file(path)
  if path == "-" then return checked(loadfile()) end
  local file, err = io.open(path, "r")
  if not file or file:read(0) == nil and file:seek("end") ~= 0 then
    outcome.complain("cannot read the script %s; give the path of a Lua file, "
      .. "- for standard input, or -e 'code'", err or path .. ": is a folder")
    return nil, outcome.USAGE
  end
  file:close()
  return checked(loadfile(path))
end

return script
