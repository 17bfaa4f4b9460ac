-- process.run: a process to its end, with what goes in and what comes out.
-- Where a time has to run out, the clock is real, and the times are short.
local ffi = require "ffi"
local weft = require "weft"
local process = require "weft.process"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"
local children = require "spec.children"

local fails, refuses = helper.fails, helper.refuses
local STUBBORN = children.STUBBORN
local run = process.run

testing.options { virtual = true }

after_each(function() assert.is_false(children.any()) end)

local function sh(script, opts)
  local command = { "sh", "-c", script }
  for name, value in pairs(opts or {}) do command[name] = value end
  return run(command)
end

describe("process.run", function()
  it("gives status and both outputs [28.1]", function()
    local result = sh "echo out; echo err >&2"
    assert.same({ status = 0, stdout = "out\n", stderr = "err\n" }, result)
    assert.equal("", run({ "cat" }).stdout) -- there is no input
  end)

  it("runs each command as it is, without a shell", function()
    assert.equal("<a b><$HOME><*><>", run({ "printf", "<%s>", "a b", "$HOME",
      "*", "" }).stdout)
  end)

  it("gives nil and the name of a signal [28.3]", function()
    local result = sh("kill -KILL $$", { check = false })
    assert.is_nil(result.status)
    assert.equal("KILL", result.signal)
  end)

  it("reads where it was told to, and not elsewhere", function()
    local result = sh("echo a; echo b >&2; echo c", { stderr = "stdout" })
    assert.equal("a\nb\nc\n", result.stdout)
    assert.is_nil(result.stderr)
    result = sh("echo a; echo b >&2", { stdout = "null" })
    assert.is_nil(result.stdout)
    assert.equal("b\n", result.stderr)
    local file = assert(io.tmpfile())
    file:write "from a file"
    file:seek "set"
    assert.equal("from a file", run({ "cat", stdin = file }).stdout)
    file:close()
  end)

  it("takes outputs that are much, both at once [28.1]", function()
    local result = sh("head -c 3000000 /dev/zero >&2 & "
      .. "head -c 2000000 /dev/zero; wait")
    assert.equal(2000000, #result.stdout)
    assert.equal(3000000, #result.stderr)
  end)

  it("does not hang on a child that floods its errors", function()
    local result = sh "head -c 5000000 /dev/zero >&2; echo done"
    assert.equal("done\n", result.stdout)
    assert.equal(5000000, #result.stderr)
  end)
end)

describe("the input of process.run", function()
  it("is a string, an iterator or a stream [28.1]", function()
    local much = ("0123456789"):rep(200000)
    assert.equal(much, run({ "cat", input = much }).stdout)
    assert.equal("", run({ "cat", input = "" }).stdout)
    local pieces = weft.generator(function(yield)
      for i = 1, 3 do
        weft.yield()
        yield("piece " .. i .. "\n")
      end
    end)
    assert.equal("piece 1\npiece 2\npiece 3\n",
      run({ "cat", input = pieces() }).stdout)
    weft.with(process.spawn { "echo", "from a stream", stdout = "pipe" },
      function(child)
        assert.equal("from a stream\n", run({ "cat",
          input = child.stdout }).stdout)
      end)
  end)

  it("need not be read to its end [28.1]", function()
    assert.equal(0, run({ "true", input = ("x"):rep(5000000) }).status)
    assert.equal("x", run({ "head", "-c", "1",
      input = ("x"):rep(5000000) }).stdout)
    local function for_ever() return ("y"):rep(1000) end
    assert.equal("y", run({ "head", "-c", "1", input = for_ever }).stdout)
    local function waits() return weft.sleep_forever() end
    assert.equal(0, run({ "true", input = waits }).status)
  end)

  it("that fails ends the process, and its error is raised", function()
    local err = helper.error_of(run, { "cat",
      input = function() error("mine", 0) end })
    assert.is_truthy(tostring(err):find("mine", 1, true))
    refuses({ "input must give strings", "number 1" }, run, { "cat",
      input = function() return 1 end })
  end)
end)

describe("the check of process.run", function()
  it("raises a ProcessError for a status but 0 [28.1]", function()
    local err = fails("ProcessError", sh,
      "echo out; for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; exit 3")
    assert.equal(3, err.status)
    assert.is_nil(err.signal)
    assert.equal("out\n", err.stdout)
    assert.is_truthy(err.stderr:find("line 1", 1, true))
    assert.is_truthy(err.message:find("^sh %-c 'echo out; .*' ended with "
      .. "status 3:\n  line 3\n"))
    assert.is_truthy(err.message:find("line 7$"))
  end)

  it("raises one for a signal, which it names [28.1, 28.3]", function()
    local err = fails("ProcessError", sh, "kill -KILL $$")
    assert.equal("KILL", err.signal)
    assert.is_nil(err.status)
    assert.is_truthy(err.message:find("was ended by signal KILL$"))
  end)

  it("may be left out [28.1]", function()
    assert.equal(3, sh("exit 3", { check = false }).status)
  end)
end)

describe("process.run cut short", function()
  it("raises a TimeoutError with the output so far [28.6]",
    testing.task(function()
      local waited
      local err = fails("TimeoutError", sh,
        "echo out; echo err >&2; exec sleep 1000", { timeout = 0.2,
          input = function()
            waited = true
            weft.sleep_forever()
          end })
      assert.is_true(waited)
      assert.equal("out\n", err.stdout)
      assert.equal("err\n", err.stderr)
      assert.is_truthy(err.message:find("timed out after 0.2 s", 1, true))
      assert.is_truthy(err.scope)
      assert.is_false(children.any())
    end))

  it("with no time at all starts it and ends it [28.6]", testing.task(function()
    fails("TimeoutError", run, { "sleep", "1000", timeout = 0 })
    assert.is_false(children.any())
  end))

  it("keeps an outer timeout apart from its own [7.6]", testing.task(function()
    local err = helper.error_of(weft.timeout, 0.01, function()
      run { "sleep", "1000", timeout = 1000 }
    end)
    assert.is_true(err:is "TimeoutError")
    assert.is_nil(err.stdout)
    assert.is_false(children.any())
  end))

  it("cancelled, it has ended the process before [28.6]", function()
    local task = loopback.parked(run, { "sleep", "1000" })
    loopback.assert_cancelled(task)
    assert.is_false(children.any())
    task = weft.spawn(run, { "sleep", "1000" })
    loopback.assert_cancelled(task) -- before it has begun
    assert.is_false(children.any())
  end)

  it("kills what ignores SIGTERM, after the grace [28.6]",
    testing.task(function()
      local err = fails("TimeoutError", sh, STUBBORN,
        { timeout = 0.1, grace = 0.001 })
      assert.is_truthy(err)
      assert.is_false(children.any())
    end))

  it("hears the last words, however many [28.6]", testing.task(function()
    local err = fails("TimeoutError", sh, "trap 'head -c 200000 /dev/zero; "
      .. "exit' TERM; echo ready; while :; do sleep 0.01; done",
      { timeout = 0.2 })
    assert.equal(200006, #err.stdout)
  end))

  it("ends a process whose output is over the limit", function()
    local err = fails("LimitOverrunError", run, { "yes", limit = 100000 })
    assert.equal(100000, err.consumed)
    assert.equal(100000, #err.stdout)
    assert.equal("", err.stderr)
    assert.is_truthy(err.message:find("stdout is longer than the limit of "
      .. "100000 bytes", 1, true))
    err = fails("LimitOverrunError", sh, "yes >&2", { limit = 0 })
    assert.is_truthy(err.message:find("stderr", 1, true))
    assert.equal("12345", sh("printf 12345", { limit = 5 }).stdout)
  end)

  it("does not wait for long for who holds the pipes [28.4]", function()
    local result = sh "sleep 1000 & echo $!; echo mine"
    local pid = result.stdout:match "^(%d+)\nmine\n$"
    assert.equal(0, ffi.C.kill(tonumber(pid), 9))
  end)
end)

describe("many processes", function()
  testing.options { virtual = false, timeout = false }

  it("run side by side, 20 of 500 at once, and leave nothing", function()
    local running, most, count = 0, 0, 0
    local items = {}
    for i = 1, 500 do items[i] = i end
    weft.each(items, function()
      running = running + 1
      most = math.max(most, running)
      local result = run { "/bin/true" }
      count = count + (result.status == 0 and 1 or 0)
      running = running - 1
    end, { limit = 20 })
    assert.equal(500, count)
    assert.equal(20, most)
  end)
end)

describe("process.run with wrong arguments", function()
  it("refuses them", function()
    refuses({ "process.run", "ls -l" }, run, "ls -l")
    refuses({ "no option 'inptu'", "input, limit", "and timeout" }, run,
      { "ls", inptu = "" })
    refuses({ "input must be", "number 1" }, run, { "ls", input = 1 })
    refuses({ "input and stdin" }, run, { "ls", input = "", stdin = "null" })
    refuses({ "stdin cannot be \"pipe\"" }, run, { "ls", stdin = "pipe" })
    refuses({ "check must be" }, run, { "ls", check = 1 })
    refuses({ "timeout must be" }, run, { "ls", timeout = "1" })
    refuses({ "limit must be", "-1" }, run, { "ls", limit = -1 })
  end)
end)
