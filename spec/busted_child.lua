--- What the specs of busted's tests share: running busted as a process of its
-- own, with the helper, and reading what it tells.
local fs = require "weft.fs"
local json = require "weft.json"
local testing = require "weft.testing"

local busted_child = {}

local WEFT = os.getenv "WEFT" or "build/weft"

-- No child runs for longer than a minute; Ctrl-C may have been ignored.
local LIMITS = "env --default-signal=INT,TERM timeout -k 5 --foreground 60 "

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function read_and_remove(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  os.remove(path)
  return text
end

local function environment(variables)
  local words = { "env -u WEFT_SEED -u WEFT_TEST_TIMEOUT -u WEFT_DEBUG" }
  for name, value in pairs(variables or {}) do
    words[#words + 1] = name .. "=" .. quote(tostring(value))
  end
  return table.concat(words, " ") .. " "
end

local function quoted(words)
  local result = {}
  for i, word in ipairs(words) do result[i] = quote(word) end
  return table.concat(result, " ")
end

-- Runs a command of the shell's to its end.
local function run(command)
  local out, err = os.tmpname(), os.tmpname()
  local status = os.execute(command .. " </dev/null >" .. out .. " 2>" .. err)
  return { status = math.floor(status / 256), out = read_and_remove(out),
    err = read_and_remove(err) }
end

--- Runs busted with the helper under luajit: `{ argument..., env = { NAME =
-- value }, cwd = folder }`. Returns `status`, `out`, `err`.
function busted_child.run(args)
  local cd = args.cwd and "cd " .. quote(args.cwd) .. " && " or ""
  return run(cd .. LIMITS .. environment(args.env)
    .. "luajit /usr/bin/busted " .. quoted(args))
end

--- Runs `weft test` in the same way.
function busted_child.weft_test(args)
  local cd = args.cwd and "cd " .. quote(args.cwd) .. " && " or ""
  return run(cd .. LIMITS .. environment(args.env) .. quote(WEFT) .. " test "
    .. quoted(args))
end

--- A project with these files, name to text, and a folder `spec`; it is removed
-- at the end of the test. Returns its path.
function busted_child.folder(files)
  local path = testing.temp_dir()
  fs.mkdir(path .. "/spec")
  for name, text in pairs(files) do fs.write_file(path .. "/" .. name, text) end
  return path
end

local HELPER = "--helper=weft.testing.busted"

--- Runs the specs made to fail in spec/failing/<name>.lua. Returns what `run`
-- does and, by test, `told`: what busted says of it, `kind` ("success",
-- "failure", "error", "pending") and `message`; of several, the first of a kind
-- that is no success.
function busted_child.failing(name, env)
  local result = busted_child.run { HELPER, "-o", "json", "--no-auto-insulate",
    "spec/failing/" .. name .. ".lua", env = env }
  local text = result.out:match '({"[^\n]*})\n$'
  local report = assert(text, result.out .. result.err) and json.decode(text)
  result.told = {}
  for kind, list in pairs { success = report.successes, pending =
      report.pendings, failure = report.failures, error = report.errors } do
    for _, entry in ipairs(list) do
      local known = result.told[entry.name]
      if not known or known.kind == "success" then
        result.told[entry.name] = { kind = kind, message = entry.message,
          line = entry.trace and entry.trace.currentline }
      end
    end
  end
  return result
end

return busted_child
