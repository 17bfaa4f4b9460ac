--- The programs that are measured: who there is, and how each is run.
-- For bench/run. The commands run in the root of the tree.

local BUILD = os.getenv "BUILD" or "build"
local PYTHON = os.getenv "PYTHON" or "python3"

local programs = {}

-- -- Looking for them --------------------------------------------------------

--- Starts a command; the function returned waits for its end, and gives its
-- output without the last newline, or nil if it has failed.
function programs.start(command)
  local pipe = assert(io.popen("{ " .. command .. "\n}; echo \" $?\""))
  return function()
    local text = pipe:read "*a"
    pipe:close()
    return text:match "^(.-)\n? 0\n$"
  end
end

--- The output of a command without its last newline; nil if it fails.
function programs.output(command) return programs.start(command)() end

local output = programs.output

--- Whether there is a file.
function programs.exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

local exists = programs.exists

--- Where the programs of bench/ are built.
programs.dir = BUILD .. "/bench"

--- Where one of them is.
function programs.built(name) return programs.dir .. "/" .. name end

local NOT_BUILT = "not built: make bench BENCH=--list builds all"

-- For a program that `make bench` builds.
local function find_built(path)
  return function()
    return exists(path) and true or nil, NOT_BUILT
  end
end

--- What is said of that which is not installed.
function programs.missing(package)
  return ("not installed (Debian: %s)"):format(package)
end

local missing = programs.missing

-- A peer that is built where its compiler is; its programs are built together,
-- so one stands for all.
local function find_compiled(built, compiler, package)
  return function()
    local version = output(compiler .. " 2>/dev/null")
    if exists(programs.built(built)) then
      return version and version:match "%d[%d.]*" or true
    end
    return nil, version and NOT_BUILT or missing(package)
  end
end

local find_go = find_compiled("switch_go", "go version", "golang-go")

-- The version of tokio stands in what it was built from.
local function find_tokio(built, crate, package)
  return function()
    local version = output(("sed -n '/^name = \"%s\"/{n;s/[^0-9]*\\([0-9.]*\\)"
      .. ".*/\\1/p}' %s/Cargo.lock 2>/dev/null"):format(crate,
      programs.built "tokio"))
    if exists(programs.built(built)) then return version or true end
    return nil, version and version ~= "" and NOT_BUILT
      or missing(package)
  end
end

local find_erlang = find_compiled("erlang/bench.beam", "erl -noshell -eval "
  .. "'io:put_chars(erlang:system_info(otp_release)), halt()'", "erlang-base")

local function find_inets()
  local found, problem = find_erlang()
  local inets = found and output("erl -noshell -eval 'io:put_chars("
    .. "filename:basename(code:lib_dir(inets))), halt()' 2>/dev/null")
  return inets, found and missing "erlang-inets" or problem
end

-- A Python that has a module, and that of its loop: the one that was asked for,
-- or the system's, for which they are packages of the system's.
local function find_python(module, package, loop)
  return function(program)
    for _, python in ipairs { PYTHON, "/usr/bin/python3" } do
      local version = output(("%s -c 'import %s, %s; print(%s.__version__)'"
        .. " 2>/dev/null"):format(python, module, loop or module, module))
      if version then
        program.command = program.command:gsub("%%python", python)
        return version
      end
    end
    return nil, missing(package)
  end
end

local function find_asyncio()
  local version = output(PYTHON .. [[ -c 'import asyncio, platform as p
asyncio.timeout, asyncio.TaskGroup
print(p.python_implementation(), p.python_version())' 2>/dev/null]])
  return version, "not installed (Python 3.11 or newer)"
end

local function find_node()
  return output "node --version 2>/dev/null", missing "nodejs"
end

-- A module for LuaJIT; `version` is a Lua expression of it, as `module`.
local function find_module(name, version, package)
  return function()
    local found = output(("luajit -e 'local module = require %q print(%s)'"
      .. " 2>/dev/null"):format(name, version))
    return found, missing(package)
  end
end

local function find_openresty()
  return output "bench/peers/openresty --version 2>/dev/null",
    "not there: bench/peers/openresty --get (docs/performance.md says why)"
end

-- -- Who there is -----------------------------------------------------------

-- -P: a workload may have the name of a module of Python's library.
local function python(script)
  return "env PYTHONPATH=bench/peers %python -P " .. script
end

local function in_c(label, name)
  return { label = label, find = find_built(programs.built(name)),
    command = programs.built(name), bare = true }
end

--- Each has a label, `find` (returns something true, a version if it has one;
-- or nil and what is missing), and the command, where %s is the workload.
-- `ours` is weft by other doors, `bare` the least that does the work, without a
-- runtime, `variant` another program in another way; of those that are
-- `counted` instructions are counted; those that are `slow` run the smaller
-- sizes of a case, if it has them.
programs.list = {
  weft = {
    label = "weft",
    find = find_built(BUILD .. "/weft"),
    command = BUILD .. "/weft bench/%s/%s.lua",
    counted = true,
  },
  stackful = {
    label = "weft, stackful C",
    find = find_built(programs.built "stackful"),
    command = programs.built "stackful %s",
    ours = true,
    counted = true,
  },
  reference = {
    label = "reference",
    find = find_built(programs.built "reference"),
    command = programs.built "reference %s",
    bare = true,
    counted = true,
  },
  go1 = {
    label = "Go, one thread",
    variant = true,
    find = find_go,
    command = "env GOMAXPROCS=1 " .. programs.built "%s_go",
  },
  go = {
    label = "Go",
    find = find_go,
    command = programs.built "%s_go",
  },
  tokio1 = {
    label = "tokio, one thread",
    variant = true,
    find = find_tokio("switch_tokio", "tokio", "cargo librust-tokio-dev"),
    command = "env BENCH_THREADS=1 " .. programs.built "%s_tokio",
  },
  tokio = {
    label = "tokio",
    find = find_tokio("switch_tokio", "tokio", "cargo librust-tokio-dev"),
    command = programs.built "%s_tokio",
  },
  node = {
    label = "Node.js",
    find = find_node,
    command = "node bench/%s/%s.js",
  },
  erlang = {
    label = "Erlang",
    find = find_erlang,
    command = "erl -noshell +P 4000000 -pa " .. programs.built "erlang"
      .. " -run bench main %s",
    slow = true,
  },
  asyncio = {
    label = "asyncio",
    find = find_asyncio,
    command = PYTHON .. " -P bench/%s/%s.py",
    slow = true,
  },
  uvloop = {
    label = "asyncio on uvloop",
    find = find_python("uvloop", "python3-uvloop"),
    command = python "bench/peers/on_uvloop.py bench/%s/%s.py",
    slow = true,
  },
  trio = {
    label = "Trio",
    find = find_python("trio", "python3-trio"),
    command = python "bench/%s/trio.py",
    slow = true,
  },
  luajit = {
    label = "LuaJIT alone",
    find = function() return jit.version:match "%d.*" end, -- which runs this
    command = "luajit bench/%s/luajit.lua",
    counted = true,
  },
  luv = {
    label = "luv",
    find = find_module("luv", "module.version_string()", "lua-luv"),
    command = "luajit bench/%s/luv.lua",
  },
  cqueues = {
    label = "cqueues",
    find = find_module("cqueues", "module.VERSION", "lua-cqueues"),
    command = "luajit bench/%s/cqueues.lua",
  },
  copas = {
    label = "copas",
    find = find_module("copas", "module._VERSION:match \"%d.*\"",
      "lua-copas"),
    command = "luajit bench/%s/copas.lua",
  },
  openresty = {
    label = "OpenResty",
    find = find_openresty,
    command = "bench/peers/openresty bench/%s/openresty.lua",
  },
  -- What the system has, and what is made of it in C.
  cat = in_c("cat", "file_cat"),
  read = in_c("C, read in a loop", "file_read"),
  posix_spawn = in_c("C, posix_spawn", "process_posix_spawn"),
  pthread = in_c("C, threads", "thread_pthread"),
  libcurl = in_c("C, libcurl", "http_libcurl"),
  nothing = in_c("C, an empty main", "startup_nothing"),
  -- Servers (bench/served).
  libuv = in_c("libuv, C", "echo_libuv"),
  epoll = in_c("epoll, C", "echo_epoll"),
  stackful_server = {
    label = "weft, stackful C",
    find = find_built(programs.built "echo_stackful"),
    command = programs.built "echo_stackful",
    ours = true,
  },
  protocol = {
    label = "asyncio, protocol",
    variant = true,
    find = find_asyncio,
    command = PYTHON .. " -P bench/%s/protocol.py",
  },
  -- Clients of HTTP, each a library on one of the above.
  hyper = {
    label = "hyper on tokio",
    find = find_tokio("http_tokio", "hyper", "cargo librust-hyper-dev"),
    command = programs.built "http_tokio",
  },
  aiohttp = {
    label = "aiohttp on asyncio",
    find = find_python("aiohttp", "python3-aiohttp"),
    command = python "bench/http/http.py",
    slow = true,
  },
  aiohttp_uvloop = {
    label = "aiohttp on uvloop",
    variant = true,
    find = find_python("aiohttp", "python3-aiohttp python3-uvloop", "uvloop"),
    command = python "bench/peers/on_uvloop.py bench/http/http.py",
    slow = true,
  },
  httpx = {
    label = "httpx on Trio",
    find = find_python("httpx", "python3-httpx python3-trio", "trio"),
    command = python "bench/http/trio.py",
    slow = true,
  },
  lua_http = {
    label = "lua-http on cqueues",
    find = find_module("http.request", "require(\"http.version\").version",
      "lua-http"),
    command = "luajit bench/http/cqueues.lua",
    slow = true,
  },
  httpc = {
    label = "Erlang, httpc",
    find = find_inets,
    command = "erl -noshell -pa " .. programs.built "erlang"
      .. " -run bench main http",
  },
}

--- Whether weft is measured against it: all are peers but weft itself, and what
-- is no runtime.
---@param name string
---@return boolean
function programs.is_peer(name)
  local program = programs.list[name]
  return name ~= "weft" and not program.ours and not program.bare
end

--- Their names, in the order in which they are told of.
programs.order = { "weft", "stackful", "stackful_server", "reference",
  "nothing", "cat", "read", "posix_spawn", "pthread", "libuv", "epoll",
  "libcurl", "luajit", "luv", "cqueues", "copas", "openresty", "lua_http",
  "go1", "go", "tokio1", "tokio", "hyper", "erlang", "httpc", "node",
  "asyncio", "protocol", "uvloop", "trio", "aiohttp", "aiohttp_uvloop",
  "httpx" }

--- Finds out which there are: sets `found` or `missing` of each.
function programs.find()
  for _, program in pairs(programs.list) do
    program.found, program.missing = program:find()
    if program.found then program.missing = nil end
  end
end

return programs
