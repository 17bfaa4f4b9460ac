-- The inspection socket and SIGUSR1, from Lua. A client in the same runtime is
-- answered at the next poll, as one of another process is.
local weft = require "weft"
local client = require "weft.cli.client"
local helper = require "spec.helper"
local program = require "spec.program"
local testing = require "weft.testing"

local fails, refuses = helper.fails, helper.refuses

local function contains(text, part)
  assert.truthy(text:find(part, 1, true),
    ("%q is not in:\n%s"):format(part, text))
end

-- A path that is free.
local function free_path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

local function exists(path) return (weft.try(weft.fs.lstat, path)) ~= nil end

describe("weft.inspect", function()
  it("opens a private socket that answers with the tree [29.7, 29.4]",
    function()
      local path = free_path()
      local sleeper = weft.spawn("sleeper", weft.sleep_forever)
      assert.equal(path, weft.inspect(path))
      assert.equal("socket", weft.fs.lstat(path).type)
      assert.equal(384, weft.fs.lstat(path).mode % 512) -- 0600
      local text = client.ask(path, "tree")
      contains(text, "sleeper #" .. sleeper:id() .. ": waits for sleep")
      contains(text, "main #1: ")
      sleeper:cancel()
      weft.yield()
    end)

  it("answers with the numbers of weft.stats()", function()
    local path = weft.inspect(free_path())
    local first = client.ask(path, "stats")
    contains(first, "tasks.total 1\n")
    contains(first, "\nwaiting.read 1")
    local turns = tonumber(first:match "turns (%d+)")
    assert.is_true(tonumber(client.ask(path, "stats"):match "turns (%d+)")
      > turns)
  end)

  it("says what there is where something else is asked for", function()
    local path = weft.inspect(free_path())
    local err = fails("Unanswered", client.ask, path, "secrets")
    contains(err.message, "there is no 'secrets'; there are stats, tree")
  end)

  it("removes the socket at the end of the run, failed or not",
    testing.plain(function()
      local path = free_path()
      assert.is_false((pcall(weft.run, function()
        weft.inspect(path)
        assert(exists(path))
        error "oh"
      end)))
      weft.run(function() assert(not exists(path)) end)
    end))

  it("stays where it is when it is opened again", function()
    local path = weft.inspect(free_path())
    assert.equal(path, weft.inspect())
    assert.equal(path, weft.inspect(free_path()))
  end)

  it("is no task, wakes nobody and does not hold the clock [29.7, 30.2]",
    testing.virtual(function(_)
      weft.inspect(free_path())
      assert.equal(1, #weft.all_tasks())
      weft.sleep(1e6)
      assert.equal(1e6, weft.now())
    end))

  it("refuses what is no path, and tells what is wrong with one", function()
    refuses({ "path must be a string that is not empty, got number 3" },
      weft.inspect, 3)
    refuses({ 'got string ""' }, weft.inspect, "")
    contains(fails("OSError", weft.inspect, "/nowhere/socket").message,
      "inspect /nowhere/socket: ")
    contains(fails("ArgumentError", weft.inspect, "@abstract").message,
      "a path in the file system is needed")
    contains(fails("OSError", weft.inspect, ("x"):rep(200)).message,
      "too long for a socket")
  end)

  it("needs a runtime", testing.plain(function()
    fails("InvalidStateError", weft.inspect)
  end))
end)

-- -- Programs of their own ----------------------------------------------------

local WAITS = [[
  local weft = require "weft"
  weft.spawn("worker", weft.sleep_forever)
  weft.call_soon(function() print "ready" io.stdout:flush() end)
  weft.sleep_forever()
]]

-- Runs a program that waits while `fn` looks at it.
local function while_waiting(args, fn)
  local child = program.start(args)
  assert.equal("ready", child:line())
  fn(child)
  child:kill "TERM"
  return child:finish()
end

describe("WEFT_INSPECT=1", function()
  it("lets a program be looked at where weft --tree looks [29.7]", function()
    while_waiting({ "-e", WAITS, env = { WEFT_INSPECT = "1" } },
      function(child)
        contains(program.run { "--tree", child.pid }.out, "worker #2: waits")
      end)
  end)

  it("does so for a script run by luajit, too", function()
    local file = program.file([[
      require("weft").run(function() ]] .. WAITS .. [[ end)
    ]])
    local pipe = io.popen("echo $$; WEFT_INSPECT=1 exec luajit " .. file
      .. " 2>/dev/null")
    local pid = pipe:read "*l"
    assert.equal("ready", pipe:read "*l")
    local result = program.run { "--tree", pid }
    os.execute("kill -TERM " .. pid)
    pipe:close()
    os.remove(file)
    contains(result.out, "worker #2: waits for sleep")
  end)

  it("is told of, and changes nothing, where the socket cannot be had",
    function()
      local folder = free_path()
      os.execute("mkdir -m 700 " .. folder .. " && mkdir -m 755 " .. folder
        .. "/weft")
      local result = program.run { "-e", "print 'ran'",
        env = { WEFT_INSPECT = "1", XDG_RUNTIME_DIR = folder } }
      os.execute("rm -r " .. folder)
      assert.equal("ran\n", result.out)
      assert.equal(0, result.status)
      contains(result.err, "weft: the program cannot be inspected: the folder "
        .. "for such sockets, $XDG_RUNTIME_DIR/weft or /tmp/weft-UID, is")
    end)
end)

describe("SIGUSR1", function()
  -- Waits until the child has written so to stderr.
  local function await_dump(child)
    repeat
      local file = assert(io.open(child.err))
      local text = file:read "*a"
      file:close()
    until text:find("worker #2: waits for sleep", 1, true)
  end

  it("has the weft program write its tree to stderr and go on [29.7]",
    function()
      local result = while_waiting({ "-e", WAITS }, function(child)
        assert.is_true(child:kill "USR1")
        await_dump(child)
      end)
      contains(result.err, "weft: the tasks of process ")
      contains(result.err, "\nmain #1: waits for sleep")
      assert.equal(143, result.status)
    end)

  it("goes to an iterator of the script's instead [29.7, 23.7]", function()
    local child = program.start { "-e", [[
      local weft = require "weft"
      local signals = weft.signals "USR1"
      print "ready" io.stdout:flush()
      print(signals())
    ]] }
    assert.equal("ready", child:line())
    child:kill "USR1"
    local result = child:finish()
    assert.equal("USR1\n", result.out)
    assert.equal("", result.err)
  end)

  local function luajit_status(setting, code)
    local file = program.file(code)
    local status = os.execute(("%s luajit %s >/dev/null 2>&1"):format(setting,
      file))
    os.remove(file)
    return status
  end

  it("is left alone under luajit, unless something of weft.debug is on [29.7]",
    function()
      local code = [[
        require "ffi".cdef "int kill(int, int); int getpid(void);"
        local C = require "ffi".C
        require("weft").run(function()
          C.kill(C.getpid(), 10)
          require("weft").yield()
          os.exit(7)
        end)
      ]]
      local killed = luajit_status("", code)
      assert.is_true(killed == 10 or killed == (128 + 10) * 256, killed)
      assert.equal(7 * 256, luajit_status("WEFT_DEBUG=1", code))
      assert.equal(7 * 256, luajit_status("WEFT_INSPECT=1", code))
      assert.equal(7 * 256, luajit_status("", code:gsub("C.kill",
        "require('weft').debug { slow = 5 } C.kill")))
    end)
end)
