-- Processes that run beside the task: process.spawn and what it gives. The
-- virtual clock stands still while one runs.
local ffi = require "ffi"
local weft = require "weft"
local process = require "weft.process"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"
local children = require "spec.children"

local fails, refuses = helper.fails, helper.refuses
local settle, parked = loopback.settle, loopback.parked
local STUBBORN = children.STUBBORN

testing.options { virtual = true }

after_each(function() assert.is_false(children.any()) end)

local function sh(script, opts)
  local command = { "sh", "-c", script }
  for name, value in pairs(opts or {}) do command[name] = value end
  return process.spawn(command)
end

-- A shell that is about to run the script, and has said its first line.
local function ready(script, opts)
  opts = opts or {}
  opts.stdout = "pipe"
  local child = sh(script, opts)
  assert.equal("ready", child.stdout:read_line())
  return child
end

-- -- Waiting -----------------------------------------------------------------

describe("process:wait", function()
  it("gives the exit status, as often as asked [28.3, 28.4]", function()
    local child = sh "exit 3"
    assert.is_true(child:running())
    assert.is_true(child:pid() > 1)
    assert.equal(3, child:wait())
    assert.equal(3, (child:wait()))
    assert.is_false(child:running())
    assert.is_true(child:pid() > 1)
  end)

  it("gives nil and the name of the signal [28.3]", function()
    local status, signal = sh("kill -USR1 $$"):wait()
    assert.is_nil(status)
    assert.equal("USR1", signal)
  end)

  it("may be called by many tasks [28.4]", function()
    local child = process.spawn { "cat", stdin = "pipe" }
    local tasks = {}
    for i = 1, 5 do tasks[i] = parked(child.wait, child) end
    child.stdin:close()
    for _, task in ipairs(tasks) do assert.equal(0, task:await()) end
  end)

  it("cancelled, leaves the process alone [28.4]", function()
    local child = process.spawn { "cat", stdin = "pipe" }
    loopback.assert_cancelled(parked(child.wait, child))
    assert.is_true(child:running())
    child.stdin:close()
    assert.equal(0, child:wait())
    local task = weft.spawn(child.wait, child)
    loopback.assert_cancelled(task) -- also where it need not wait
  end)

  it("does not wait for who holds the pipes [28.4]", function()
    local child = sh("sleep 1000 & echo $!", { stdout = "pipe" })
    assert.equal(0, child:wait())
    local pid = child.stdout:read_line() -- output is read after the exit
    assert.equal(0, process.run { "kill", "-KILL", pid }.status)
    child:close()
  end)
end)

-- -- Streams -----------------------------------------------------------------

describe("the streams of a process", function()
  it("are those that are pipes", function()
    weft.with(process.spawn { "cat", stdin = "pipe", stdout = "pipe" },
      function(child)
        assert.is_nil(child.stderr)
        child.stdin:write "hello\n"
        assert.equal("hello", child.stdout:read_line())
        child.stdin:close()
        assert.is_nil(child.stdout:read())
        assert.equal(0, child:wait())
      end)
  end)

  it("may be files, by handle or number", function()
    local file = assert(io.tmpfile())
    file:write "first\n" -- is flushed before
    assert.equal(0, sh("echo second; echo third >&2",
      { stdout = file, stderr = "stdout" }):wait())
    file:seek "set"
    assert.equal("first\nsecond\nthird\n", file:read "*a")
    file:close()
    assert.equal(0, sh("exit 0", { stdout = 1 }):wait())
  end)

  it("fail a write when nobody reads", function()
    weft.with(sh("exec <&-; echo ready; exec sleep 1000",
      { stdin = "pipe", stdout = "pipe", grace = 0 }), function(child)
      assert.equal("ready", child.stdout:read_line())
      assert.equal("EPIPE", fails("OSError", child.stdin.write, child.stdin,
        "x").code)
    end)
  end)
end)

-- -- Signals and the end -----------------------------------------------------

describe("process:kill", function()
  it("sends a signal by name or number", function()
    for _, signal in ipairs { "HUP", "SIGHUP", 1 } do
      local child = sh("exec sleep 1000")
      assert.is_true(child:kill(signal))
      assert.equal("HUP", select(2, child:wait()))
    end
    local child = sh("exec sleep 1000")
    assert.is_true(child:kill())
    assert.equal("TERM", select(2, child:wait()))
  end)

  it("is false after the exit, and does nothing [28.5]", function()
    local child = sh "exit 0"
    child:wait()
    assert.is_false(child:kill "KILL")
    child:close()
    assert.is_false(child:kill())
  end)

  it("reaches the whole of a group of its own", testing.task(function()
    local child = ready("sleep 1000 & echo ready; wait", { group = true })
    assert.is_true(child:kill())
    assert.is_nil(child.stdout:read()) -- the grandchild has gone as well
    child:close()
  end))

  it("refuses what is no signal", function()
    local child = ready("echo ready; exec sleep 1000", { grace = 0 })
    refuses({ "process:kill", "\"TERM\"", "FOO" }, child.kill, child, "FOO")
    refuses({ "number 0" }, child.kill, child, 0)
    refuses({ "no signal 1000" }, child.kill, child, 1000)
    refuses({ "number 4294967305" }, child.kill, child, 2 ^ 32 + 9)
    child:close()
  end)
end)

describe("process:stop", function()
  it("terminates and returns how it ended [28.6]", function()
    local child = sh("exec sleep 1000")
    assert.equal("TERM", select(2, child:stop()))
    assert.equal("TERM", select(2, child:stop(0)))
    child = ready("trap 'exit 7' TERM; echo ready; while :; do :; done")
    assert.equal(7, child:stop())
    child:close()
  end)

  it("kills what ignores SIGTERM after the grace [28.6]", function()
    local child = ready(STUBBORN, { grace = 0.001 })
    assert.equal("KILL", select(2, child:stop()))
    child:close()
    child = ready(STUBBORN)
    assert.equal("KILL", select(2, child:stop(0.001)))
    child:close()
  end)

  it("is kept: cancelled, it goes on to the exit [3.8]", function()
    local child = ready(STUBBORN, { grace = 1000 })
    local task = parked(child.stop, child)
    task:cancel()
    settle()
    assert.is_false(task:done())
    child:kill "KILL"
    assert.equal("KILL", select(2, task:await()))
    child:close()
  end)

  it("refuses a grace that is none", function()
    local child = sh "exec sleep 1000"
    refuses({ "process:stop", "-1" }, child.stop, child, -1)
    refuses({ "NaN" }, child.stop, child, 0 / 0)
    child:stop(0)
  end)
end)

describe("a process in a with", function()
  it("is ended when that is left while it runs [28.7]", function()
    local kept
    weft.with(sh("exec sleep 1000"), function(child)
      kept = child
      assert.is_true(child:running())
    end)
    assert.equal("TERM", kept.signal)
    assert.is_false(kept:running())
  end)

  it("is ended before an error or a cancellation goes on [28.7]", function()
    local kept
    local err = helper.error_of(weft.with, ready(STUBBORN, { grace = 0.001 }),
      function(child)
        kept = child
        error "mine"
      end)
    assert.is_truthy(tostring(err):find "mine")
    assert.equal("KILL", kept.signal)
    local task = parked(weft.with, sh "exec sleep 1000", function(child)
      kept = child
      child:wait()
    end)
    loopback.assert_cancelled(task)
    assert.equal("TERM", kept.signal)
  end)

  it("keeps its exit status [28.7]", function()
    local kept
    weft.with(sh "exit 5", function(child)
      kept = child
      child:wait()
    end)
    assert.equal(5, kept:wait())
    kept:close() -- once more
  end)
end)

-- -- Left behind -------------------------------------------------------------

describe("a process nobody holds any more", function()
  it("is ended and reported [25.12]", function()
    weft.debug { sites = false }
    local pid = sh("exec sleep 1000"):pid()
    collectgarbage()
    collectgarbage()
    while ffi.C.kill(pid, 0) == 0 do settle() end -- reaped
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find(("process %d was"):format(pid),
      1, true))
  end)

  it("is not reported if it has ended", function()
    sh("exit 0"):wait()
    collectgarbage()
    collectgarbage()
    settle()
  end)

  it("is ended and reported at the shutdown [28.8]", testing.plain(function()
    local reports = {}
    report.set_receiver(function(kind, _, err)
      reports[#reports + 1] = { kind = kind, err = err }
    end)
    local kept
    weft.run(function() kept = sh "exec sleep 1000" end)
    report.set_receiver(nil)
    assert.is_false(children.any())
    assert.equal(1, #reports)
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find("still running", 1, true))
    assert.is_false(kept:running()) -- of a run that is over
    assert.is_false(kept:kill())
    kept:close()
  end))
end)

-- -- Starting ----------------------------------------------------------------

describe("process.spawn", function()
  it("is a cancellation point, and starts nothing then [3.2]", function()
    local task = weft.spawn(sh, "exit 0")
    loopback.assert_cancelled(task)
  end)

  it("raises an OSError for what cannot be started [28.2]", function()
    local function fails_to_start(code, path, opts)
      local err = fails("OSError", process.spawn, opts)
      assert.equal(code, err.code)
      assert.equal(path, err.path)
      assert.is_truthy(err.message:find(path, 1, true))
    end
    local pipes = { stdin = "pipe", stdout = "pipe", stderr = "pipe" }
    local function command(program, cwd)
      local opts = { program, cwd = cwd }
      for name, value in pairs(pipes) do opts[name] = value end
      return opts
    end
    fails_to_start("ENOENT", "no-such-program", command "no-such-program")
    fails_to_start("EACCES", "/etc/passwd", command "/etc/passwd")
    fails_to_start("ENOENT", "/no/folder", command("ls", "/no/folder"))
    fails_to_start("E2BIG", "ls", { "ls", ("x"):rep(2 ^ 18) })
    local err = fails("OSError", process.spawn, { "ls -l" })
    assert.is_truthy(err.message:find("a string of its own", 1, true))
  end)

  it("raises an OSError when no descriptor is left [28.2]", function()
    local before = loopback.limit_descriptors(loopback.descriptors() - 1)
    local ok, err = pcall(process.spawn, { "true", stdin = "pipe",
      stdout = "pipe", stderr = "pipe" })
    loopback.limit_descriptors(before)
    assert.is_false(ok)
    assert.equal("EMFILE", err.code)
  end)

  it("gives the child no descriptor but its three [28.2]", function()
    local file = assert(io.open("/etc/passwd")) -- stays open on exec
    local out = process.run { "sh", "-c", "set -- /proc/$$/fd/*; echo $#" }
    file:close()
    assert.equal(out.stdout, process.run { "sh", "-c",
      "set -- /proc/$$/fd/*; echo $#" }.stdout)
  end)

  it("sets the environment and the folder", function()
    local function out(opts)
      opts[1], opts[2], opts[3] = "/bin/sh", "-c", opts[1]
      return process.run(opts).stdout
    end
    assert.equal("1,\n", out { "echo $ONE,$HOME", env = { ONE = "1" } })
    assert.equal("1,yes\n", out { "echo $ONE,${HOME:+yes}",
      env_add = { ONE = "1" } })
    assert.equal("gone\n", out { "echo ${HOME-gone}",
      env_add = { HOME = false } })
    assert.equal("/usr\n", out { "pwd", cwd = "/usr" })
  end)

  it("refuses wrong arguments", function()
    local spawn = process.spawn
    refuses({ "process.spawn", "{ \"sh\", \"-c\", line }", "ls -l" }, spawn,
      "ls -l")
    refuses({ "{ \"program\"", "nil" }, spawn, nil)
    refuses({ "no command given" }, spawn, {})
    refuses({ "no command given" }, spawn, { "" })
    refuses({ "numbered from 1 on, there is one at 0" }, spawn,
      { [0] = "x", "true" })
    refuses({ "process.spawn: descriptor 1 or 999 is not open" }, spawn,
      { "true", stdout = 1, stderr = 999 })
    refuses({ "there is one at 1.5" }, spawn, { "true", [1.5] = "x" })
    refuses({ "argument 2", "number 3", "tostring" }, spawn, { "ls", 3 })
    refuses({ "argument 2", "nil" }, spawn, { "ls", nil, "x" })
    refuses({ "argument 2", "zero byte" }, spawn, { "ls", "a\0b" })
    refuses({ "no option 'timeout'", "stdin" }, spawn, { "ls", timeout = 1 })
    refuses({ "stdin must be", "string \"stdout\"" }, spawn,
      { "ls", stdin = "stdout" })
    refuses({ "stderr must be", "\"stdout\"" }, spawn, { "ls", stderr = -1 })
    local file = assert(io.tmpfile())
    file:close()
    refuses({ "stdout must be", "a closed file" }, spawn,
      { "ls", stdout = file })
    refuses({ "cwd must be", "number 1" }, spawn, { "ls", cwd = 1 })
    refuses({ "env must be a table" }, spawn, { "ls", env = "A=b" })
    refuses({ "env: a name", "\"A=B\"" }, spawn,
      { "ls", env = { ["A=B"] = "" } })
    refuses({ "env: the value of A", "number 1" }, spawn,
      { "ls", env = { A = 1 } })
    refuses({ "env_add: the value of A", "or false" }, spawn,
      { "ls", env_add = { A = true } })
    refuses({ "group must be" }, spawn, { "ls", group = 1 })
    refuses({ "grace must be", "-1" }, spawn, { "ls", grace = -1 })
  end)

  it("needs a runtime", testing.plain(function()
    fails("InvalidStateError", process.spawn, { "true" })
  end))
end)
