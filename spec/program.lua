--- What the specs of programs share: running `weft` as a process of its own, to
-- its end or until a signal.
local program = {}

local WEFT = os.getenv "WEFT" or "build/weft"

-- A test runner may have been started with SIGINT ignored; no program here may
-- run for longer than a minute.
local LIMITS = "env --default-signal=INT,TERM timeout -k 5 --foreground 60 "

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- args.env: what the environment has besides.
local function command_of(args)
  local words = { "env" }
  for name, value in pairs(args.env or {}) do
    words[#words + 1] = quote(name .. "=" .. value)
  end
  words[#words + 1] = quote(WEFT)
  for _, word in ipairs(args) do words[#words + 1] = quote(word) end
  return table.concat(words, " ")
end

local function read_and_remove(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  os.remove(path)
  return text
end

--- A new file with this text, for the caller to remove.
function program.file(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

-- -- Running to the end ------------------------------------------------------

--- Runs `weft` with the arguments and returns `status`, `out` and `err`.
-- args.input is its standard input, else empty; args.env, what its environment
-- has besides.
function program.run(args)
  local input, out, err = program.file(args.input or ""), os.tmpname(),
    os.tmpname()
  local status = os.execute(LIMITS .. command_of(args) .. " <" .. input
    .. " >" .. out .. " 2>" .. err)
  os.remove(input)
  return {
    status = math.floor(status / 256), out = read_and_remove(out),
    err = read_and_remove(err),
  }
end

--- What a shell's command writes to its standard output.
function program.output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

-- -- Running meanwhile -------------------------------------------------------

local Program = {}
Program.__index = Program

-- Ends a program whose spec has failed before it was finished: a pipe of
-- io.popen that is collected waits for the end. What was made last is collected
-- first, so this comes before the pipe.
local function guard(started)
  started.guard = newproxy(true)
  getmetatable(started.guard).__gc = function()
    if not started.finished then started:kill "KILL" end
  end
  return started
end

--- Starts `weft` with the arguments, args.env in its environment; to be
-- finished.
function program.start(args)
  local err = os.tmpname()
  -- Process ids: exec keeps that of the shell, so it is the program's own.
  local script = "echo $$; exec env --default-signal=INT,TERM "
    .. command_of(args) .. " </dev/null 2>" .. err
  local pipe = io.popen("{ sh -c " .. quote(script)
    .. "; echo status $?; } 2>/dev/null")
  return guard(setmetatable({
    pipe = pipe, pid = pipe:read "*l", err = err, finished = false,
  }, Program))
end

--- Waits for the next line of its standard output.
function Program:line() return self.pipe:read "*l" end

--- Sends it a signal, "INT", say. False if it has ended.
function Program:kill(signal)
  return os.execute(("kill -%s %s 2>/dev/null"):format(signal, self.pid)) == 0
end

--- Waits for its end and returns `status`, `out` (what no line was read of) and
-- `err`.
function Program:finish()
  local out, status = self.pipe:read "*a":match "^(.-)status (%d+)\n$"
  self.pipe:close()
  self.finished = true
  return {
    status = tonumber(status), out = out, err = read_and_remove(self.err),
  }
end

return program
