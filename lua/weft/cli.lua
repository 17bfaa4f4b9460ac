--- The `weft` program: what its command line asks for.
--
-- command_line.lua knows the options; outcome.lua how the program ends;
-- script.lua, tree.lua and top.lua do what is asked; the prompt and `weft test`
-- are modules of their own.
-- @module weft.cli

local command_line = require "weft.cli.command_line"
local outcome = require "weft.cli.outcome"

local cli = {}

local complain = outcome.complain

local function set_arg(argv, script_index, name)
  local arg = {}
  for i = 0, #argv do arg[i - script_index] = argv[i] end
  arg[0] = name
  _G.arg = arg
end

-- -- What goes with a run -----------------------------------------------------

-- False, and the user is told, if a file cannot be written.
local function start_trace(path)
  local ok, err = pcall(require("weft.trace_file").start, path)
  if not ok then
    complain("cannot write the trace: %s", err.message or tostring(err))
  end
  return ok
end

-- main.c has the compiler and the collector rest: what starts the program runs
-- once, and most of what it makes is kept. From here on there is work for them.
local function wake_luajit()
  jit.on()
  collectgarbage "restart"
end

-- Whether all that is asked for could be had.
local function set_up(options)
  wake_luajit()
  if options.debug then require("weft").debug(true) end
  if options.inspect then require("weft.inspect").always() end
  return not options.trace or start_trace(options.trace)
end

-- Runs `main`, and the prompt after it if that is asked for.
local function run(options, main, args)
  local script = require "weft.cli.script"
  if not set_up(options) then return outcome.USAGE end
  if options.interactive then
    return script.run(require("weft.prompt").run, main, unpack(args))
  end
  return script.run(main, unpack(args))
end

-- -- What is asked for --------------------------------------------------------

local function run_code(options, argv, rest, script_index)
  local chunk, status = require("weft.cli.script").load_code(options.execute)
  if not chunk then return status end
  set_arg(argv, script_index - 1, "-e")
  return run(options, chunk, rest)
end

local function run_file(options, argv, rest, script_index)
  local path = table.remove(rest, 1)
  local chunk, status = require("weft.cli.script").load_file(path)
  if not chunk then return status end
  set_arg(argv, script_index, path)
  return run(options, chunk, rest)
end

local function run_specs(options, rest)
  if not set_up(options) then return outcome.USAGE end
  table.remove(rest, 1)
  return outcome.flush(require("weft.testing.program").main(rest))
end

local function run_prompt(options, argv)
  set_arg(argv, #argv + 1, "weft")
  options.interactive = true
  return run(options, nil, {})
end

local function print_version()
  print("weft " .. require("weft").VERSION .. " (" .. jit.version .. ")")
  return outcome.flush(outcome.OK)
end

local function print_help()
  print(command_line.new_parser():get_help())
  return outcome.flush(outcome.OK)
end

local SCRIPTLESS = { "help", "version", "tree", "top" }

-- What is given besides, where no script runs.
local function check_alone(options, rest)
  if not rest[1] then return true end
  for _, name in ipairs(SCRIPTLESS) do
    if options[name] then
      complain("option '--%s' runs no script, so there is no use for '%s'; see "
        .. "weft --help", name, rest[1])
      return false
    end
  end
  return true
end

-- What needs no script, or nil.
local function run_option(options, rest)
  if not check_alone(options, rest) then return outcome.USAGE end
  if options.help then return print_help() end
  if options.version then return print_version() end
  wake_luajit()
  if options.tree then return require("weft.cli.tree").main(options.tree) end
  if options.top then
    return require("weft.cli.top").main(options.top, options.interval)
  end
  return nil
end

local function is_terminal()
  local core = require "weft.core"
  return core.terminal_size(0) ~= nil and core.terminal_size(1) ~= nil
end

local function no_script()
  complain "no script given: weft script.lua, weft -e 'code', weft - for \z
    standard input, or weft -i for a prompt; see weft --help"
  return outcome.USAGE
end

--- Runs the program. `argv[0]` is its own name.
---@param argv string[]
---@return number status for the process
function cli.main(argv)
  local own, rest, script_index, ended = command_line.part(argv)
  local options, wrong = command_line.parse(own)
  if not options then
    complain("%s; see weft --help", wrong)
    return outcome.USAGE
  end
  local status = run_option(options, rest)
  if status then return status end
  if options.execute then
    return run_code(options, argv, rest, script_index)
  end
  if rest[1] == "test" and not ended then return run_specs(options, rest) end
  if rest[1] then return run_file(options, argv, rest, script_index) end
  if options.interactive or is_terminal() then
    return run_prompt(options, argv)
  end
  return no_script()
end

return cli
