--- The command line of the `weft` program.
-- @module weft.cli

local cli = {}

local EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
local EXIT_SIGNAL = { SIGINT = 130, SIGTERM = 143 }

local function complain(text, ...)
  io.stderr:write("weft: ", text:format(...), "\n")
end

-- -- Running ------------------------------------------------------------------

-- The exit status for what weft.run raised, after telling the user.
local function explain(err)
  local errors = require "weft.error"
  local report = require "weft.report"
  local object = errors.object(err)
  local cause = object.cause
  if object:is "TaskCancelledError" and cause and cause.source == "signal" then
    complain("cancelled by %s", tostring(cause.reason))
    return EXIT_SIGNAL[cause.reason] or EXIT_FAILED
  end
  complain("%s", report.describe(object))
  return EXIT_FAILED
end

-- The status for the first result of a script: a whole number from 0 to 255
-- that it returned.
local function status_of(result)
  local is_status = type(result) == "number" and result % 1 == 0
    and result >= 0 and result <= 255
  return is_status and result or EXIT_OK
end

-- What was printed is lost if it cannot be written, so that is a failure.
local function flush_output(status)
  local is_open = io.type(io.stdout) == "file" -- the script's to decide
  if not is_open then return status end
  local ok, err = io.stdout:flush()
  if ok then return status end
  complain("cannot write to standard output: %s", err)
  return status == EXIT_OK and EXIT_FAILED or status
end

local function run_chunk(chunk, args)
  local run = require("weft").run
  local ok, result = pcall(run, chunk, unpack(args))
  return flush_output(ok and status_of(result) or explain(result))
end

-- Loads by `load(source)`; what goes wrong is a line for the user.
local function load_and_run(load, source, args)
  local chunk, err = load(source)
  if chunk then return run_chunk(chunk, args) end
  complain("%s", err)
  return EXIT_FAILED
end

local function run_file(path, args)
  if path == "-" then return load_and_run(loadfile, nil, args) end
  local file, err = io.open(path, "r")
  if not file or file:read(0) == nil and file:seek("end") ~= 0 then
    complain("cannot read the script %s; give the path of a Lua file, - for "
      .. "standard input, or -e 'code'", err or path .. ": is a folder")
    return EXIT_USAGE
  end
  file:close()
  return load_and_run(loadfile, path, args)
end

-- -- The command line ---------------------------------------------------------

-- Parts the arguments into the program's own and, from the script on, the
-- script's, which may look like options too.
local function part(argv)
  local own, rest = {}, {}
  local i = 1
  while argv[i] and argv[i]:match "^%-." do
    own[#own + 1] = argv[i]
    if argv[i] == "--" then i = i + 1 own[#own] = nil break end
    if argv[i] == "-e" or argv[i] == "--execute" then
      i = i + 1
      own[#own + 1] = argv[i]
    end
    i = i + 1
  end
  for k = i, #argv do rest[#rest + 1] = argv[k] end
  return own, rest, i
end

local function new_parser()
  local parser = require "argparse"("weft")
    :usage "Usage: weft [options] [script.lua | -] [arguments]"
    :description("Runs a Lua script as the main task of a concurrency runtime: "
      .. "it can wait for many things at once with require \"weft\".")
    :epilog(table.concat({
      "Examples:",
      "  weft job.lua a b c      runs job.lua; a, b, c are its ... and arg",
      "  weft -e 'print(1 + 1)'  runs the code given",
      "  weft - < job.lua        runs what comes on standard input",
      "",
      "Exit status: the number from 0 to 255 that the script returns, else 0;",
      "1 if it fails or its output cannot be written; 2 if the command line is",
      "wrong; 130 if Ctrl-C ended it and 143 if SIGTERM did, once cleanup has",
      "run (a second one hurries it, a third leaves at once).",
    }, "\n"))
    :add_help(false)
    :help_max_width(80)
  parser:option("-e --execute", "Run this code instead of a script.")
    :argname "<code>"
  parser:flag("-v --version", "Print the version and exit.")
  parser:flag("-h --help", "Print this help and exit.")
  return parser
end

local function set_arg(argv, script_index, name)
  local arg = {}
  for i = 0, #argv do arg[i - script_index] = argv[i] end
  arg[0] = name
  _G.arg = arg
end

local function run_options(argv, own, rest, script_index)
  local parser = new_parser()
  local ok, options = parser:pparse(own)
  if not ok then
    complain("%s; see weft --help", (options:gsub("%?*\n", "; ")))
    return EXIT_USAGE
  end
  if options.help then
    print(parser:get_help())
  elseif options.version then
    print("weft " .. require("weft").VERSION .. " (" .. jit.version .. ")")
  elseif options.execute then
    set_arg(argv, script_index - 1, "-e")
    return load_and_run(function(code) return loadstring(code, "=(-e)") end,
      options.execute, rest)
  end
  return flush_output(EXIT_OK)
end

--- Runs the program. `argv[0]` is its own name.
---@param argv string[]
---@return number status for the process
function cli.main(argv)
  if argv[1] == "test" then
    return require("weft.testing.program").main { unpack(argv, 2) }
  end
  local own, rest, script_index = part(argv)
  if #own > 0 then return run_options(argv, own, rest, script_index) end
  local script = table.remove(rest, 1)
  if not script then
    complain "no script given: weft script.lua, weft -e 'code' or weft - for \z
      standard input; see weft --help"
    return EXIT_USAGE
  end
  set_arg(argv, script_index, script)
  return run_file(script, rest)
end

return cli
