--- What `process.run` and `process.spawn` are told: checked, and made into what
-- the core takes.
-- @module weft.process_options

local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local fail_unknown = require("weft.options").fail_unknown
local scope = require "weft.scope"

local options = {}

-- enum weft_stdio
local INHERIT, NULL, PIPE, FD, SAME = 1, 2, 3, 4, 5
local HOW = { inherit = INHERIT, null = NULL, pipe = PIPE }
local COMMON = {
  "stdin", "stdout", "stderr", "cwd", "env", "env_add", "group", "grace",
}

local function refuse(call, text, ...)
  errors.fail_argument(call .. ": " .. text:format(...), 4)
end

-- -- The command --------------------------------------------------------------

local function check_word(call, word, i)
  if type(word) ~= "string" then
    refuse(call, "argument %d must be a string, got %s%s", i,
      errors.shown(word), type(word) == "number" and "; use tostring" or "")
  end
  if word:find("\0", 1, true) then
    refuse(call, "argument %d must not have a zero byte in it, got %s", i,
      errors.shown(word))
  end
end

local function check_table(call, opts)
  if type(opts) == "string" then
    refuse(call, "a table { \"program\", \"argument\", ... } expected, got "
      .. "%s; for a line of shell: { \"sh\", \"-c\", line }",
      errors.shown(opts))
  end
  if type(opts) ~= "table" then
    refuse(call, "a table { \"program\", \"argument\", ... } expected, got %s",
      errors.shown(opts))
  end
end

-- Copies the list of words, which has no holes.
local function take_words(call, opts, description)
  local count = 0
  for key in entries(opts) do
    if type(key) == "number" then
      if key < 1 or key % 1 ~= 0 then
        refuse(call, "arguments are numbered from 1 on, there is one at %s",
          tostring(key))
      end
      count = math.max(count, key)
    end
  end
  if count < 1 or opts[1] == "" then
    refuse(call, "no command given: { \"program\", \"argument\", ... }")
  end
  for i = 1, count do
    check_word(call, opts[i], i)
    description[i] = opts[i]
  end
end

local function check_names(call, opts, more)
  local known = {}
  for _, list in ipairs { COMMON, more } do
    for _, name in ipairs(list) do known[name] = true end
  end
  for key in entries(opts) do
    if type(key) ~= "number" and not known[key] then
      fail_unknown(call, key, known, 3)
    end
  end
end

-- -- Descriptors --------------------------------------------------------------

local function is_descriptor(x)
  return type(x) == "number" and x >= 0 and x < 2 ^ 31 and x % 1 == 0
end

-- How a descriptor is given to the core, and its source.
local function stdio_of(call, name, value)
  if HOW[value] then return HOW[value], 0 end
  if is_descriptor(value) then return FD, value end
  if name == "stderr" and value == "stdout" then return SAME, 1 end
  if io.type(value) == "file" then
    return FD, core.process_descriptor(value)
  end
  refuse(call, "%s must be \"pipe\", \"null\", \"inherit\", %sa file of "
    .. "io.open or the number of a descriptor, got %s", name,
    name == "stderr" and "\"stdout\", " or "",
    io.type(value) and "a closed file" or errors.shown(value))
end

local function add_stdio(call, opts, defaults, description)
  local stdio = {}
  for fd, name in ipairs { "stdin", "stdout", "stderr" } do
    local value = opts[name]
    if value == nil then value = defaults[name] end
    stdio[2 * fd - 1], stdio[2 * fd] = stdio_of(call, name, value)
  end
  description.stdio = stdio
end

-- -- The environment ----------------------------------------------------------

local function check_variable(call, option, name, value, may_be_false)
  if type(name) ~= "string" or name == "" or name:find("[=%z]") then
    refuse(call, "%s: a name must be a string without \"=\", got %s", option,
      errors.shown(name))
  end
  if may_be_false and value == false then return end
  if type(value) ~= "string" or value:find("\0", 1, true) then
    refuse(call, "%s: the value of %s must be a string%s, got %s", option, name,
      may_be_false and " or false" or "", errors.shown(value))
  end
end

local function add_variables(call, opts, option, list)
  local variables = opts[option]
  if variables == nil then return end
  if type(variables) ~= "table" then
    refuse(call, "%s must be a table { NAME = \"value\" }, got %s", option,
      errors.shown(variables))
  end
  for name, value in entries(variables) do
    check_variable(call, option, name, value, option == "env_add")
    list[#list + 1], list[#list + 2] = name, value
  end
end

local function add_env(call, opts, description)
  local list = {}
  add_variables(call, opts, "env", list)
  add_variables(call, opts, "env_add", list)
  description.clear_env, description.env = opts.env ~= nil, list
end

-- -- All of it ----------------------------------------------------------------

local function check_cwd(call, cwd)
  if cwd == nil then return end
  if type(cwd) ~= "string" or cwd == "" or cwd:find("\0", 1, true) then
    refuse(call, "cwd must be the path of a folder, got %s", errors.shown(cwd))
  end
end

--- Whether `x` can be how long a process has to end.
---@return boolean
function options.is_grace(x) return type(x) == "number" and x >= 0 end

--- Checks what `call` was given and returns the description of a process.
-- `more` are the names of the call's own options, `defaults` says what the
-- standard descriptors are.
---@param call string
---@param opts table
---@param more string[]
---@param defaults table
---@return table
function options.describe(call, opts, more, defaults)
  check_table(call, opts)
  local description = { cwd = opts.cwd, group = opts.group }
  take_words(call, opts, description)
  check_names(call, opts, more)
  check_cwd(call, opts.cwd)
  add_env(call, opts, description)
  add_stdio(call, opts, defaults, description)
  if opts.group ~= nil and type(opts.group) ~= "boolean" then
    refuse(call, "group must be true or false, got %s",
      errors.shown(opts.group))
  end
  if opts.grace ~= nil and not options.is_grace(opts.grace) then
    refuse(call, "grace must be a number of seconds of at least 0, got %s",
      errors.shown(opts.grace))
  end
  return description
end

-- -- What only run takes ------------------------------------------------------

--- Whether `x` can feed a process: a string, or what gives strings.
---@return boolean
function options.is_input(x)
  if type(x) == "string" or type(x) == "function" then return true end
  local class = type(x) == "table" and getmetatable(x)
  return type(x) == "table" and (type(x.read) == "function"
    or type(class) == "table" and class.__call ~= nil)
end

--- Checks the options of run that spawn does not have.
---@param call string
---@param opts table
function options.check_run(call, opts)
  if opts.input ~= nil and not options.is_input(opts.input) then
    refuse(call, "input must be a string, an iterator of strings or a stream, "
      .. "got %s", errors.shown(opts.input))
  end
  if opts.input ~= nil and opts.stdin ~= nil then
    refuse(call, "input and stdin cannot both be given")
  end
  if opts.stdin == "pipe" then
    refuse(call, "stdin cannot be \"pipe\": give input, or use spawn")
  end
  if opts.check ~= nil and type(opts.check) ~= "boolean" then
    refuse(call, "check must be true or false, got %s",
      errors.shown(opts.check))
  end
  if opts.timeout ~= nil then
    scope.check_time(opts.timeout, call .. ": timeout", 4)
  end
  if opts.limit ~= nil and not scope.is_count(opts.limit, 0) then
    refuse(call, "limit must be a whole number of bytes, got %s",
      errors.shown(opts.limit))
  end
end

-- -- For messages -------------------------------------------------------------

--- The numbers of the descriptors that the process is to get: "5 or 7".
---@param description table
---@return string
function options.descriptors(description)
  local stdio, numbers = description.stdio, {}
  for i = 1, 5, 2 do
    if stdio[i] == FD then numbers[#numbers + 1] = stdio[i + 1] end
  end
  return table.concat(numbers, " or ")
end

local SHOWN_MAX = 200

local function quote(word)
  if word:find "^[%w_%-%./:=,@%%%+]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- The command as a shell would take it, not too long.
---@param words string[]
---@return string
function options.shown(words)
  local parts = {}
  for i, word in ipairs(words) do parts[i] = quote(word) end
  local text = table.concat(parts, " ")
  if #text > SHOWN_MAX then text = text:sub(1, SHOWN_MAX - 3) .. "..." end
  return text
end

return options
