--- Places in the user's code: where things are made, and where a task is.
--
-- A place is "job.lua:12", the innermost frame that is not of weft's own
-- modules; the C side finds it (bindings/luajit/site.c). That of every task,
-- scope and group is kept only where `weft.debug{sites=true}` asks for it.
-- @module weft.site

local core = require "weft.core"

local site = {}

--- Whether places are kept.
site.on = false

-- Where the modules are: this one is at ROOT/site.lua, and weft.lua at
-- ROOT.lua, wherever weft is installed.
local ROOT = debug.getinfo(1, "S").source:match "^@(.*)[/\\][^/\\]*$" or ""
core.set_own_root(ROOT)

--- Keeps places from now on, or no more.
---@param on boolean
function site.set(on)
  site.on = on
  core.set_sites(on)
end

--- The place of the caller, nil where no frame is the user's.
---@return string?
function site.here() return core.site() end

-- -- Tracebacks ---------------------------------------------------------------

-- How LuaJIT shows a file whose path is too long for a line: its end.
local function is_end_of(path, shown)
  local tail = shown:match "^%.%.%.(.*)$"
  return tail ~= nil and #tail > 20 and path:sub(-#tail) == tail
end

-- Whether a file, as a traceback shows it, is one of weft's modules.
local function own_module(file)
  local name = file:match "([%w_]+)%.lua$"
  if not name then return false end
  for _, path in ipairs {
    ROOT .. "/" .. name .. ".lua", ROOT .. "/ext/" .. name .. ".lua",
    ROOT .. "/testing/" .. name .. ".lua", ROOT .. ".lua",
  } do
    if path == file or is_end_of(path, file) then return true end
  end
  return false
end

-- Whether the line is of one of weft's modules, or of LuaJIT's own calls by
-- which one function calls another in peace: the user's line says that already.
local function is_plumbing(line)
  local file = line:match "^\t(.-):%d+: in " or line:match "^\t(%S+%.lua): in "
  if file then return own_module(file) end
  return line:find "^\t%[C%]: in function 'x?pcall'$" ~= nil
    or line:find "^\t%[C%]: in function 'error'$" ~= nil
    or line:find "^\t%[C%]: at 0x%x+$" ~= nil
    or line:find "^\t%[builtin#%d+%]: at " ~= nil
end

-- Whether a line is to be shown; `caller` is the one after it. What weft calls
-- in C is weft's, too.
local function is_shown(line, caller)
  if is_plumbing(line) then return false end
  local is_c = line:find("\t[C]: ", 1, true) == 1
  return not (is_c and caller and is_plumbing(caller))
end

--- A traceback without the frames of weft's own modules, and without its
-- heading; as it is if nothing else is in it.
---@param traceback string
---@return string
function site.folded(traceback)
  local all, kept = {}, {}
  for line in traceback:gmatch "[^\n]+" do
    if line ~= "stack traceback:" then all[#all + 1] = line end
  end
  for i, line in ipairs(all) do
    if is_shown(line, all[i + 1]) then kept[#kept + 1] = line end
  end
  return table.concat(kept[1] and kept or all, "\n")
end

--- The place of the first line of a traceback that is not of weft's own.
---@param traceback string?
---@return string?
function site.place_in(traceback)
  local lines = {}
  for line in (traceback or ""):gmatch "[^\n]+" do lines[#lines + 1] = line end
  for i, line in ipairs(lines) do
    local place = line:match "^\t(.-:%d+): in "
    if place and is_shown(line, lines[i + 1]) then return place end
  end
end

return site
