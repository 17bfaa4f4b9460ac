-- `weft --tree`: of programs that answer, and of all kinds that do not.
local program = require "spec.program"

local WAITS = [[
  local weft = require "weft"
  weft.spawn("worker \27[2J", weft.sleep_forever)
  weft.call_soon(function() print "ready" io.stdout:flush() end)
  weft.sleep_forever()
]]

local function complains(result, part)
  assert.truthy(result.err:find(part, 1, true), result.err)
  assert.truthy(result.err:match "^weft: [^\n]+\n$", result.err)
  assert.equal("", result.out)
  assert.equal(1, result.status)
end

-- Starts a program and waits until it is ready.
local function start(args)
  local child = program.start(args)
  assert.equal("ready", child:line())
  return child
end

local function finish(child)
  child:kill "KILL"
  child:finish()
end

local function is_root()
  return program.output_of "id -u" == "0\n"
end

describe("weft --tree", function()
  it("prints another's tree, without control characters [29.7]", function()
    local child = start { "--inspect", "-e", WAITS }
    local result = program.run { "--tree", child.pid }
    finish(child)
    assert.truthy(result.out:find("^main #1: waits for sleep[^\n]*\n"
      .. "worker \\027%[2J #2: waits for sleep[^\n]*\n$"), result.out)
    assert.equal("", result.err)
    assert.equal(0, result.status)
  end)

  it("prints that of a socket by its path", function()
    local path = os.tmpname()
    os.remove(path)
    local child = start { "-e", "require('weft').inspect(...)" .. WAITS, path }
    local result = program.run { "--tree", path }
    finish(child)
    assert.truthy(result.out:find("main #1: waits", 1, true))
    complains(program.run { "--tree", path }, "nobody listens at " .. path)
    os.remove(path)
    complains(program.run { "--tree", path }, "nobody listens at " .. path)
  end)

  it("finds the socket whatever the environments are", function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -m 700 " .. folder)
    local child = start { "--inspect", "-e", WAITS,
      env = { XDG_RUNTIME_DIR = folder } }
    local result = program.run { "--tree", child.pid,
      env = { XDG_RUNTIME_DIR = "/nowhere" } }
    finish(child)
    assert.truthy(result.out:find("main #1: waits", 1, true), result.err)
    os.execute("rm -r " .. folder)
  end)

  it("says that there is no such process", function()
    local child = start { "-e", WAITS }
    finish(child)
    complains(program.run { "--tree", child.pid }, "there is no process "
      .. child.pid .. "; pgrep weft tells those of the weft program")
  end)

  it("says how a process that cannot be looked at could be [29.7]", function()
    local child = start { "-e", WAITS }
    complains(program.run { "--tree", child.pid }, "process " .. child.pid
      .. " cannot be looked at: it has no inspection socket. Start it by weft "
      .. "--inspect, or with WEFT_INSPECT=1 in its environment, or have the "
      .. "script call weft.inspect() (and kill -USR1 " .. child.pid
      .. " has it write its tasks to its own stderr)")
    finish(child)
  end)

  it("does not send a signal to who knows nothing of it", function()
    local pipe = io.popen "echo $$; exec sleep 20"
    local pid = pipe:read "*l"
    local result = program.run { "--tree", pid }
    os.execute("kill " .. pid)
    pipe:close()
    complains(result, "process " .. pid .. " cannot be looked at")
    assert.is_nil(result.err:find("USR1", 1, true))
  end)

  it("says that a process is another user's [29.7]", function()
    if not is_root() then return end -- there is nobody to be
    local path = os.tmpname()
    os.execute(("setpriv --reuid 65534 --clear-groups %s --tree $$ 2>%s")
      :format(os.getenv "WEFT" or "build/weft", path))
    local file = assert(io.open(path))
    local text = file:read "*a"
    file:close()
    os.remove(path)
    assert.truthy(text:match "^weft: process %d+ belongs to another user %("
      .. "number 0%): only that user and root may look at it\n$", text)
  end)

  it("says of a process that does not answer that it is blocked #slow",
    function()
      local child = start { "--inspect", "-e", [[
        print "ready" io.stdout:flush()
        while true do end
      ]] }
      complains(program.run { "--tree", child.pid }, "process " .. child.pid
        .. " does not answer: its loop is blocked: one step of one of its "
        .. "tasks has been running for 2 s")
      child:kill "STOP"
      complains(program.run { "--tree", child.pid }, "process " .. child.pid
        .. " is stopped, as by Ctrl-Z; kill -CONT " .. child.pid)
      finish(child)
    end)
end)
