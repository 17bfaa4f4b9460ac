--- `weft test`: busted inside the weft program.
-- @module weft.testing.program

local program = {}

local EXIT_FAILED = 1
local NAME = "weft test"

-- busted's core is made by a function; the one that is made gets our tests.
local function catch_core()
  local make = require "busted.core"
  package.loaded["busted.core"] = function(...)
    local core = make(...)
    package.loaded["busted.core"] = make
    require("weft.testing.suite").install(core)
    return core
  end
end

-- busted takes the command line from `arg`, and the name of the program from
-- the chunk that calls it. It raises nil to leave with a status but 0.
local function call_runner()
  local chunk = assert(loadstring(
    "require 'busted.runner'({ standalone = false })", "@" .. NAME))
  return pcall(chunk)
end

--- Runs the specs named in `args`, which are busted's own arguments.
---@param args string[]
---@return number status busted's
function program.main(args)
  local found, err = pcall(require, "busted.core")
  if not found then
    io.stderr:write(NAME, ": busted is not to be found: install lua-busted, or "
      .. "luarocks install busted; ", tostring(err), "\n")
    return EXIT_FAILED
  end
  _G.arg = { [0] = NAME, "--ignore-lua", unpack(args) }
  catch_core()
  local ok, failure = call_runner()
  if ok then return 0 end
  if failure ~= nil then
    io.stderr:write(NAME, ": ", tostring(failure), "\n")
  end
  return EXIT_FAILED
end

-- -- busted as a script of weft's --------------------------------------------

-- The arguments of this process; nil where the system does not tell.
local function own_arguments()
  local file = io.open("/proc/self/cmdline", "rb")
  if not file then return nil end
  local text, words = file:read "*a", {}
  file:close()
  for word in text:gmatch "([^%z]*)%z" do words[#words + 1] = word end
  return words
end

-- What follows the script among the words.
local function arguments_of(words, script)
  for i, word in ipairs(words) do
    if word == script then return { unpack(words, i + 1) } end
  end
end

--- busted runs as a script of weft's, `weft /usr/bin/busted` (so does `lua =
-- "weft"` in .busted), that is, in a task: puts `weft test` with the same
-- arguments in the place of this process. Returns only if that cannot be.
---@param script string busted's path, as given
function program.take_over(script)
  local words = own_arguments()
  local rest = words and arguments_of(words, script)
  if not rest then return end
  local ffi = require "ffi"
  ffi.cdef "int execv(const char *path, const char *const argv[]);"
  local argv = { words[1], "test", unpack(rest) }
  io.stdout:flush()
  -- From a table such an array is not filled up with NULL; without, it is.
  local list = ffi.new("const char *[?]", #argv + 1)
  for i, word in ipairs(argv) do list[i - 1] = word end
  ffi.C.execv("/proc/self/exe", list)
end

return program
