--- Whose line it was: frames of the stack that are the user's, not weft's or
-- busted's.
-- @module weft.testing.frames

local site = require "weft.site"

local frames = {}

-- "@.../lua/weft", of "@.../lua/weft/testing/frames.lua".
local own = debug.getinfo(1, "S").source:match "^(.*)[/\\]testing[/\\]"

local LIBRARIES = { "busted", "luassert", "mediator", "pl" }

--- Whether a frame is not the user's.
---@param info table of debug.getinfo, with "S"
---@return boolean
function frames.is_internal(info)
  local source = info.source
  if info.what == "C" or source:sub(1, 1) ~= "@" then
    return info.what == "C" or source:find "^=" ~= nil
  end
  if source:sub(1, #own) == own and source:find("^[/\\.]", #own + 1) then
    return true
  end
  for _, name in ipairs(LIBRARIES) do
    if source:find("[/\\]lua[/\\][%d.]+[/\\]" .. name .. "[/\\.]") then
      return true
    end
  end
  return source:find "[/\\]luassert[/\\].*%.lua$" ~= nil
end

--- The first frame that is the user's, of the running function or of a
-- coroutine that is parked: what debug.getinfo says of it, and its level.
---@param co thread?
---@param level number?
---@return table? info
---@return number? level for whoever asks
function frames.first(co, level)
  level = co and (level or 0) or (level or 1) + 1
  while true do
    local info
    if co then info = debug.getinfo(co, level, "Sl")
    else info = debug.getinfo(level, "Sl") end
    if not info then return nil end
    if not frames.is_internal(info) then
      return info, co and level or level - 1
    end
    level = level + 1
  end
end

-- Lines of a traceback that are about how a test is run, or an assertion.
local function is_runner(line)
  return line:find("[/\\]weft[/\\]testing[/\\]%a+%.lua:%d+: in ")
    or line:find "[/\\]busted[/\\]%a+%.lua:%d+: in "
    or line:find "[/\\]luassert[/\\][%a/]+%.lua:%d+: in "
end

--- The tracebacks in a text without the lines that are the same for all tests.
---@param text string
---@return string
function frames.user_part(text)
  local kept = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    if not is_runner(line) then
      kept[#kept + 1] = line
    elseif kept[#kept]:find "^%s*\t%[C%]: in function '[%a]+'$" then
      kept[#kept] = nil
    end
  end
  return table.concat(kept, "\n")
end

--- A traceback with the user's lines only.
---@param traceback string
---@return string
function frames.users(traceback)
  return frames.user_part(site.folded(traceback))
end

--- "file:line" of the first line of a traceback that is the user's.
---@param traceback string?
---@return string?
function frames.place_in(traceback)
  local users = traceback and "\n" .. frames.users(traceback)
  return users and users:match "\n\t([^\n]-:%d+): in "
end

return frames
