--- Instructions by operation: the same in every run, whatever else runs.
-- A program is run with two sizes, and the difference is shared out among the
-- operations between them, so that its start, its end and the compiling of
-- what is hot are not counted. `perf stat` does it where the machine has
-- counters, else valgrind's callgrind, which takes some forty times as long.

local programs = require "harness.programs"

local counts = {}

-- Seconds after which a program is taken to hang, also where a busy machine has
-- a million tasks counted. It is the tool that is ended: a tool that runs
-- `timeout` counts the instructions of that.
local LIMIT = 1800

-- Each runs a command and finds the number in what it says.
local tools = {
  perf = {
    command = "perf stat -x, -e instructions:u %s 2>&1 >/dev/null",
    pattern = "(%d+),[^\n]*instructions",
  },
  callgrind = {
    command = "valgrind --tool=callgrind --callgrind-out-file=/dev/null %s"
      .. " 2>&1 >/dev/null",
    pattern = "Collected : (%d+)",
  },
}

-- Starts counting; the function returned waits for what it came to.
local function start(tool, command)
  local finish = programs.start(("timeout -k 5 %d "):format(LIMIT)
    .. tool.command:format(command))
  return function()
    local text = finish()
    return text and tonumber(text:match(tool.pattern))
  end
end

--- The name of the tool that counts here; nil and what is missing.
function counts.find()
  for _, name in ipairs { "perf", "callgrind" } do
    if start(tools[name], "true")() then
      counts.tool = name
      return name
    end
  end
  return nil, "no counters for perf, and no valgrind (Debian: valgrind)"
end

--- Instructions of one operation, by the two sizes of a case's `counted`. Both
-- run at once: what is counted does not depend on who else runs.
---@param command fun(args: string): string
---@param counted { [1]: string, [2]: string, operations: integer }
---@return number? instructions
---@return string? problem why there are none
function counts.count(command, counted)
  local tool = tools[counts.tool]
  local few, many = command(counted[1]), command(counted[2])
  local small, large = start(tool, few), start(tool, many)
  local less, more = small(), large()
  if not less then return nil, "failed: " .. few end
  if not more then return nil, "failed: " .. many end
  if more - less < counted.operations then -- what differs is something else
    return nil, ("hardly more instructions than %s: %s"):format(few, many)
  end
  return (more - less) / counted.operations
end

return counts
