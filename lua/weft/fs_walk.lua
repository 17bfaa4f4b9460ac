--- Walking a tree of directories.
-- @module weft.fs_walk

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local generator = require "weft.generator"
local options = require "weft.options"
local path = require "weft.path"

local fs_walk = {}

local kinds = { depth = options.count(1, true), enter = options.func,
  follow = options.flag, on_error = options.func }

local function join(directory, name)
  return directory:sub(-1) == "/" and directory .. name
    or directory .. "/" .. name
end

-- A number for each directory, which stays the same by whichever way one comes
-- there; nil if it is none.
local function identity(name)
  local code, info = core.fs_stat(name, true)
  if code == codes.ECANCELLED then errors.fail(code) end
  if code or info.type ~= "directory" then return nil end
  return ("%d:%d"):format(info.dev, info.ino)
end

-- The names in a directory; nil if it cannot be read and on_error has been told
local function list(walk, directory)
  local code, names, types = core.fs_readdir(directory)
  if not code then return names, types end
  if code == codes.ECANCELLED or not walk.on_error then
    path.fail(code, "readdir", directory)
  end
  local _, err = pcall(path.fail, code, "readdir", directory)
  walk.on_error(err)
  return nil
end

-- Whether to go into what is at `name`: into a link only if that is asked for,
-- and does not lead back to where we are.
local function goes_into(walk, name, kind, above)
  if walk.enter and kind == "directory" and not walk.enter(name) then
    return false
  end
  if not walk.follow then return kind == "directory" end
  if kind ~= "directory" and kind ~= "link" then return false end
  local id = identity(name)
  if not id or above[id] then return false end
  if kind == "link" and walk.enter and not walk.enter(name) then
    return false
  end
  return true, id
end

local function walk_below(yield, walk, directory, depth, above)
  local names, types = list(walk, directory)
  for _, name in ipairs(names or {}) do
    local full, kind = join(directory, name), types[name]
    yield(full, kind, depth)
    if depth < walk.depth then
      local goes, id = goes_into(walk, full, kind, above)
      if id then above[id] = true end
      if goes then walk_below(yield, walk, full, depth + 1, above) end
      if id then above[id] = nil end
    end
  end
end

local walk_all = generator.generator(function(yield, root, walk)
  local above = {}
  if walk.follow then above[identity(root) or ""] = true end
  walk_below(yield, walk, root, 1, above)
end)

--- All that is below a directory: `for path, type, depth in fs.walk(root) do`,
-- a directory before what is in it, names in the order of their bytes. opts:
-- `depth`, how far down, 1 for what is in `root` itself; `enter(path)`, a
-- function that says whether to go into a directory; `follow` links to
-- directories, but never in a circle; `on_error(err)`, called for a directory
-- that cannot be read, instead of raising that. A generator: it parks, and may
-- be left early.
---@param root string
---@param opts table?
function fs_walk.walk(root, opts)
  path.check(root, "fs.walk(root, opts): root")
  opts = options.check("fs.walk(root, opts)", opts, kinds)
  return walk_all(root, { depth = opts.depth or math.huge, enter = opts.enter,
    follow = opts.follow, on_error = opts.on_error })
end

return fs_walk
