--- What bench/run is told on its command line.

local USAGE = [[
usage: bench/run [OPTION...] [WORKLOAD...]

Measures the workloads, or all, against the peers. Run whole, it writes
bench/results.json, docs/performance.md and its pictures; a part is printed,
and goes to build/bench/results.json.

  -n, --repetitions N   runs of each program, in turn (5)
  -p, --peer NAME,...   only these beside weft; --list tells them
  -q, --quick           small sizes, one run of each: does all of it work?
      --no-counts       counts no instructions
      --update          puts what is measured in the place of the same
                        workloads in bench/results.json, and writes the pages
      --recount         measures nothing: counts instructions anew, which may
                        be done on a busy machine, and writes the pages
      --render          measures nothing: the pages anew from results.json
      --list            the workloads and the programs, and which are missing
  -h, --help]]

local options = {}

local function refuse(text, ...)
  io.stderr:write("bench: ", text:format(...), "\n")
  io.stderr:write "bench/run --help tells the options\n"
  os.exit(2)
end

local takes_value = { repetitions = true, peer = true }
local known = { repetitions = true, peer = true, quick = true, counts = true,
  update = true, recount = true, render = true, list = true, help = true }
local short = { n = "repetitions", p = "peer", q = "quick", h = "help" }

-- The name and the value of an option in an argument, if it is one.
local function split(argument)
  if argument == "--no-counts" then return "counts", false end
  local name, value = argument:match "^%-%-([%l-]+)=(.+)$"
  name = name or argument:match "^%-%-([%l-]+)$"
    or short[argument:match "^%-(%a)$" or ""]
  if not name and argument:sub(1, 1) == "-" or name and not known[name] then
    refuse("no option %s", argument)
  end
  return name, value
end

local function check_repetitions(text)
  local number = tonumber(text)
  if not number or number < 1 or number % 1 ~= 0 then
    refuse("repetitions are a whole number from 1, not %q", text)
  end
  return number
end

-- The peers of a list, as a set.
local function check_peers(text, programs)
  local set = {}
  for name in text:gmatch "[^,%s]+" do
    if not programs.list[name] then refuse("no program %q", name) end
    set[name] = true
  end
  return set
end

local function check(found, programs)
  if found.help then
    print(USAGE)
    os.exit(0)
  end
  found.repetitions = found.repetitions
    and check_repetitions(found.repetitions) or found.quick and 1 or 5
  found.peers = found.peer and check_peers(found.peer, programs)
  if found.update and (found.quick or found.peers) then
    refuse "--update needs full sizes and all peers"
  end
  if found.counts == nil then found.counts = not found.quick end
  return found
end

--- Reads the arguments; ends the process where they make no sense.
---@param args string[]
---@param programs table
---@return table options with `workloads`, the list of those named
function options.parse(args, programs)
  local found, index = { workloads = {} }, 1
  while args[index] do
    local name, value = split(args[index])
    if not name then
      table.insert(found.workloads, args[index])
    elseif takes_value[name] and value == nil then
      index = index + 1
      value = args[index] or refuse("--%s needs a value", name)
    elseif value == nil then
      value = true
    end
    if name then found[name] = value end
    index = index + 1
  end
  return check(found, programs)
end

--- Refuses a workload that does not exist.
function options.refuse_workload(name) refuse("no workload %q", name) end

return options
