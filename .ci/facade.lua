--- facade.lua - the page of `weft` itself, for LDoc: lua/weft.lua only gathers
-- functions of the modules, so this writes each down under the name it has
-- there, with the comment it has in its module, and names the module.

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The comment of a function of a module, and its arguments.
local function comment_of(module, name)
  local text = read("lua/" .. module:gsub("%.", "/") .. ".lua")
  local before, arguments
  -- The name of the module's own table is what its last line returns.
  local own = text:match "return ([%w_]+)%s*$"
  local from, _, found = text:find(("\nfunction %s%%.%s(%%b())")
    :format(own, name))
  if from then
    before, arguments = text:sub(1, from), found
  end
  local lines = {}
  for line in (before or ""):gmatch "[^\n]*\n" do
    if line:match "^%-%-" then
      lines[#lines + 1] = line
    else
      lines = {}
    end
  end
  if not lines[1] or not lines[1]:match "^%-%-%-" then
    error(("%s: its %s has no comment"):format(module, name))
  end
  return table.concat(lines), arguments
end

local function write_function(name, module, original)
  local comment, arguments = comment_of(module, original)
  io.write(("\n%s---@see %s\nfunction weft.%s%s end\n"):format(comment, module,
    name, arguments))
end

local text = read "lua/weft.lua"
local modules = {}
for name, module in text:gmatch 'local ([%w_]+) = require "(weft%.[%w_]+)"' do
  modules[name] = module
end

print(text:match "^(.-)\n%-%- @module" .. [[

--
-- Every function has the page of its module, too, where the methods are of what
-- it makes. The classes of errors are in docs/errors.md. These come when they
-- are first asked for:]])
for name, module in text:gmatch '([%w_]+) = { "(weft%.[%w_]+)" }' do
  print(("-- weft.%s, see @{%s};"):format(name, module))
end
print "-- @module weft\n\nlocal weft = {}"

for line in text:gmatch "[^\n]+" do
  local name, module, original =
    line:match "^  ([%w_]+) = ([%w_]+)%.([%w_]+),$"
  if not name then
    name, module, original =
      line:match '^  ([%w_]+) = { "(weft%.[%w_]+)", "([%w_]+)" },$'
  end
  if name then
    write_function(name, modules[module] or module, original)
  end
end
print "\nreturn weft"
