--- The lines typed at the prompt before, in a file of the user's own.
-- @module weft.prompt.history

local weft = require "weft"

local history = {}

local LINES_MAX = 1000
local PRIVATE, PRIVATE_FOLDER = "600", "700"

-- Where programs keep such things, by the XDG base directory specification.
local function folder()
  local state = os.getenv "XDG_STATE_HOME"
  if state and state:sub(1, 1) == "/" then return state .. "/weft" end
  local home = os.getenv "HOME"
  return home and home:sub(1, 1) == "/" and home .. "/.local/state/weft" or nil
end

-- The last lines of a file that has grown too long.
local function last_lines(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  if #lines <= LINES_MAX then return nil end
  return table.concat(lines, "\n", #lines - LINES_MAX + 1) .. "\n"
end

local function prepare(path)
  weft.fs.open(path, "a", { permissions = PRIVATE }):close()
  local kept = last_lines(weft.fs.read_file(path))
  if kept then weft.fs.write_file(path, kept, { atomic = true }) end
  return path
end

--- The path of the file, made if need be; nil if it cannot be had: a prompt
-- without a memory is one all the same. Parks.
---@return string?
function history.open()
  local place = folder()
  if not place then return nil end
  return (weft.try(function()
    weft.fs.mkdir(place, { parents = true, permissions = PRIVATE_FOLDER })
    return prepare(place .. "/history")
  end))
end

--- Adds a line to the file. Written one by one, for a prompt may end in any
-- way.
---@param path string
---@param line string
function history.add(path, line)
  local file = io.open(path, "a")
  if not file then return end
  file:write(line, "\n")
  file:close()
end

history.LINES_MAX = LINES_MAX

return history
