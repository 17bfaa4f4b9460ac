--- The machine that figures come from, and the time.

local output = require("harness.programs").output

local machine = {}

local function line(command, pattern)
  return (output(command .. " 2>/dev/null") or ""):match(pattern or "^[^\n]*")
end

--- What there is to be said of it.
---@return table
function machine.describe()
  local load = tonumber(line("cut -d ' ' -f 1 /proc/loadavg"))
  local kilobytes = tonumber(line("grep '^MemTotal' /proc/meminfo", "%d+"))
  return {
    processor = line("grep '^model name' /proc/cpuinfo", ": ([^\n]*)")
      or "unknown processor",
    cores = tonumber(line "nproc"),
    memory_bytes = kilobytes and kilobytes * 1024,
    system = line "uname -srm",
    distribution = line("grep '^PRETTY_NAME' /etc/os-release", '"(.-)"'),
    load = load,
  }
end

--- Whether something else runs, so that figures will be too high.
function machine.busy(description) return (description.load or 0) > 1 end

--- The date and time, universal.
function machine.now() return os.date "!%Y-%m-%dT%H:%M:%SZ" end

return machine
