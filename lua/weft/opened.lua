--- What of a program is open, and where it was opened: for tests, which may
-- leave nothing behind.
--
-- Sockets and files are noted by the binding, opened.c; here is what else has
-- to be closed, cancelled or shut down. Nothing is noted until it is asked for.
-- @module weft.opened

local core = require "weft.core"
local entries = require "weft.entries"

local opened = {}

local noted -- object -> { place, describe }; nil: it is not to be known
local WEAK = { __mode = "k" }

--- Begins to note what is opened, with nothing noted so far, or ends it.
---@param on boolean
function opened.watch(on)
  noted = on and setmetatable({}, WEAK) or nil
  core.opened_watch(on)
end

--- Notes that `object` was made by the user's code that runs.
-- `describe(object)` says what it is, while it is open; nil once it is not.
---@param object table|userdata
---@param describe fun(object: any): string?
function opened.note(object, describe)
  if noted then noted[object] = { core.site() or "", describe } end
end

local function by_place(a, b)
  if a.place ~= b.place then return a.place < b.place end
  return a.text < b.text
end

--- What is open now of what was noted: list of `{ text =, place =, key = }`, by
-- place; place is "" where no user's code was there.
---@return table[]
function opened.list()
  local list = core.opened_list()
  for object, entry in entries(noted or {}) do
    local text = entry[2](object)
    if text then
      list[#list + 1] = { text = text, place = entry[1], key = object }
    end
  end
  table.sort(list, by_place)
  return list
end

return opened
