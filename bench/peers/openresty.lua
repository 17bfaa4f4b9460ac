--- Runs BENCH_SCRIPT with BENCH_ARGS in a timer of nginx, and ends nginx with
-- it. For bench/peers/openresty.

-- nginx's own goes to its log.
local function print_line(line) io.stdout:write(line, "\n") end

local function run()
  local args = {}
  for word in os.getenv("BENCH_ARGS"):gmatch "%S+" do
    args[#args + 1] = word
  end
  local script = assert(loadfile(os.getenv "BENCH_SCRIPT"))
  setfenv(script, setmetatable({ print = print_line }, { __index = _G }))
  script(unpack(args))
end

local ok, err = ngx.timer.at(0, function()
  local good, problem = xpcall(run, debug.traceback)
  if not good then io.stderr:write(problem, "\n") end
  io.stdout:flush()
  os.exit(good and 0 or 1)
end)
assert(ok, err)
