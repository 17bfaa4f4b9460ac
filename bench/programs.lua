--- The programs that are measured: who there is, and how each is run.
-- For bench/run. The commands run in the root of the tree.

local BUILD = os.getenv "BUILD" or "build"
local PYTHON = os.getenv "PYTHON" or "python3"

local programs = {}

-- -- Looking for them --------------------------------------------------------

--- The output of a command without its last newline; nil if it fails.
function programs.output(command)
  local pipe = assert(io.popen("{ " .. command .. "\n}; echo \" $?\""))
  local text = pipe:read "*a"
  pipe:close()
  return text:match "^(.-)\n? 0\n$"
end

local output = programs.output

--- Whether there is a file.
function programs.exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

local exists = programs.exists

--- Where a program of bench/ is built.
function programs.built(name) return BUILD .. "/bench/" .. name end

-- For a program that `make bench` builds.
local function find_built(path)
  return function()
    return exists(path) and true or nil, "not built: make bench"
  end
end

-- The Go programs are built together, so one stands for all.
local function find_go()
  local version = output "go version 2>/dev/null"
  if exists(programs.built "switch_go") then
    return version and version:match "go%d[%w.]*" or "Go"
  end
  return nil, version and "not built: make bench" or "not installed"
end

local function find_asyncio()
  local version = output(PYTHON .. [[ -c 'import asyncio, platform as p
asyncio.timeout, asyncio.TaskGroup
print(p.python_implementation(), p.python_version())' 2>/dev/null]])
  return version, "not installed (Python 3.11 or newer)"
end

local function find_node()
  return output "node --version 2>/dev/null", "not installed"
end

-- The system's Python has it where it is a package of the system's.
local function find_uvloop(program)
  for _, python in ipairs { PYTHON, "/usr/bin/python3" } do
    local version = output(python
      .. " -c 'import uvloop; print(uvloop.__version__)' 2>/dev/null")
    if version then
      program.command = python .. program.command
      return version
    end
  end
  return nil, "not installed for " .. PYTHON
end

-- A module for LuaJIT; `version` is a Lua expression of it, as `module`.
local function find_module(name, version)
  return function()
    local found = output(("luajit -e 'local module = require %q print(%s)'"
      .. " 2>/dev/null"):format(name, version))
    return found, "not installed for luajit"
  end
end

--- Each has a label, `find` (returns something true, a version if it has one;
-- or nil and what is missing), and the command, where %s is the workload. Those
-- that are `ours` have their figures in weft's columns.
programs.list = {
  weft = {
    label = "weft",
    find = find_built(BUILD .. "/weft"),
    command = BUILD .. "/weft bench/%s/%s.lua",
  },
  stackful = {
    label = "weft, stackful C",
    find = find_built(programs.built "stackful"),
    command = programs.built "stackful %s",
    ours = true,
  },
  reference = {
    label = "reference",
    find = find_built(programs.built "reference"),
    command = programs.built "reference %s",
  },
  go1 = {
    label = "Go, one thread",
    find = find_go,
    command = "env GOMAXPROCS=1 " .. programs.built "%s_go",
  },
  go = {
    label = "Go",
    find = find_go,
    command = programs.built "%s_go",
  },
  asyncio = {
    label = "asyncio",
    find = find_asyncio,
    -- -P: a workload may have the name of a module of the library.
    command = PYTHON .. " -P bench/%s/%s.py",
    slow = true, -- runs the smaller sizes of a case, if it has them
  },
  luajit = {
    label = "LuaJIT alone",
    find = function() return jit.version end, -- which runs this
    command = "luajit bench/%s/luajit.lua",
  },
  luv = {
    label = "luv",
    find = find_module("luv", "module.version_string()"),
    command = "luajit bench/%s/luv.lua",
  },
  cqueues = {
    label = "cqueues",
    find = find_module("cqueues", "module.VERSION"),
    command = "luajit bench/%s/cqueues.lua",
  },
  -- What the system has, and what is made of it in C.
  cat = {
    label = "cat",
    find = find_built(programs.built "file_cat"),
    command = programs.built "file_cat",
  },
  read = {
    label = "C, read in a loop",
    find = find_built(programs.built "file_read"),
    command = programs.built "file_read",
  },
  posix_spawn = {
    label = "C, posix_spawn",
    find = find_built(programs.built "process_posix_spawn"),
    command = programs.built "process_posix_spawn",
  },
  pthread = {
    label = "C, threads",
    find = find_built(programs.built "thread_pthread"),
    command = programs.built "thread_pthread",
  },
  -- Servers (bench/served).
  libuv = {
    label = "libuv, C",
    find = find_built(programs.built "echo_libuv"),
    command = programs.built "%s_libuv",
  },
  epoll = {
    label = "epoll, C",
    find = find_built(programs.built "echo_epoll"),
    command = programs.built "%s_epoll",
  },
  stackful_server = {
    label = "weft, stackful C",
    find = find_built(programs.built "echo_stackful"),
    command = programs.built "%s_stackful",
    ours = true,
  },
  node = {
    label = "Node.js",
    find = find_node,
    command = "node bench/%s/%s.js",
  },
  protocol = {
    label = "asyncio, protocol",
    find = find_asyncio,
    command = PYTHON .. " -P bench/%s/protocol.py",
  },
  uvloop = {
    label = "asyncio on uvloop",
    find = find_uvloop,
    command = " -P bench/%s/%s.py uvloop", -- find_uvloop adds which Python
  },
}

--- Finds out which there are: sets `found` or `missing` of each.
function programs.find()
  for _, program in pairs(programs.list) do
    program.found, program.missing = program:find()
  end
end

return programs
