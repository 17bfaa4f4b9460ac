--- The options of the `weft` program, and which arguments are whose.
-- @module weft.cli.command_line

local command_line = {}

-- -- Whose an argument is -----------------------------------------------------

-- The options that are followed by a value.
local valued = {
  ["-e"] = true, ["--execute"] = true, ["--trace"] = true, ["--tree"] = true,
  ["--top"] = true, ["--interval"] = true,
}

--- Parts the arguments into the program's own and, from the script on, the
-- script's, which may look like options too. Returns both, the index of the
-- script, and whether "--" came before it.
---@param argv string[]
function command_line.part(argv)
  local own, rest = {}, {}
  local i, ended = 1, false
  while argv[i] and argv[i]:match "^%-." do
    if argv[i] == "--" then i, ended = i + 1, true break end
    own[#own + 1] = argv[i]
    if valued[argv[i]] then
      i = i + 1
      own[#own + 1] = argv[i]
    end
    i = i + 1
  end
  for k = i, #argv do rest[#rest + 1] = argv[k] end
  return own, rest, i, ended
end

-- -- Values -------------------------------------------------------------------

-- A process's number, or the path of a socket that a script has chosen.
local function process(option)
  return function(text)
    if text:match "^[1-9]%d*$" or text:find("/", 1, true) then return text end
    return nil, ("option '%s' takes a process's number (as ps or pgrep weft "
      .. "tells it) or the path of its socket, got '%s'"):format(option, text)
  end
end

local function interval(text)
  local seconds = tonumber(text)
  if seconds and seconds > 0 and seconds < math.huge then return seconds end
  return nil, ("option '--interval' takes a number of seconds above 0, got "
    .. "'%s'"):format(text)
end

-- -- The parser ---------------------------------------------------------------

local EPILOG = [[
Examples:
  weft job.lua a b c      runs job.lua; a, b, c are its ... and arg
  weft -e 'print(1 + 1)'  runs the code given
  weft - < job.lua        runs what comes on standard input
  weft                    on a terminal: a prompt, in which lines may wait
  weft test spec/         runs specs with busted, each test in a task
  weft --inspect job.lua  lets weft --tree and weft --top look at it

Exit status: the number from 0 to 255 that the script returns, else 0;
1 if it fails or its output cannot be written; 2 if the command line is
wrong; 130 if Ctrl-C ended it and 143 if SIGTERM did, once cleanup has
run (a second one hurries it, a third leaves at once). SIGUSR1 has the
tree of its tasks written to stderr. WEFT_DEBUG=1 and WEFT_INSPECT=1 in
the environment do what --debug and --inspect do.]]

--- A parser of the program's own arguments.
function command_line.new_parser()
  local parser = require "argparse"("weft")
    :usage("Usage: weft [options] [script.lua | -] [arguments]\n"
      .. "       weft test [busted's arguments]\n"
      .. "       weft --tree <pid>")
    :description("Runs a Lua script as the main task of a concurrency runtime: "
      .. "it can wait for many things at once with require \"weft\".")
    :epilog(EPILOG)
    :add_help(false)
    :help_max_width(80)
  parser:option("-e --execute", "Run this code instead of a script.")
    :argname "<code>"
  parser:flag("-i --interactive", "A prompt, after the script if there is one.")
  parser:flag("--debug", "Report steps that block the others, failures nobody "
    .. "saw, deadlocks and what is left open: weft.debug(true).")
  parser:option("--trace", "Write what the tasks do to this file, for "
    .. "chrome://tracing or ui.perfetto.dev.")
    :argname "<file>"
  parser:flag("--inspect", "Open a private socket by which --tree and --top "
    .. "can look at the program.")
  parser:option("--tree", "Print the tasks of the program that has this "
    .. "number, and what each waits for.")
    :argname "<pid>" :convert(process "--tree")
  parser:option("--top", "The same, again and again, with how much it does.")
    :argname "<pid>" :convert(process "--top")
  parser:option("--interval", "Seconds between two looks of --top, 1 unless "
    .. "given.")
    :argname "<s>" :convert(interval)
  parser:flag("-v --version", "Print the version and exit.")
  parser:flag("-h --help", "Print this help and exit.")
  return parser
end

--- The options in `own`, or nil and what is wrong.
---@param own string[]
function command_line.parse(own)
  if #own == 0 then return {} end
  local ok, options = command_line.new_parser():pparse(own)
  if not ok then return nil, (options:gsub("%?*\n", "; "):gsub("%?$", "")) end
  if options.interval and not options.top then
    return nil, "option '--interval' is for --top <pid>"
  end
  return options
end

return command_line
