--- The weft program: its command line, its exit statuses, its messages.

local lfs = require "lfs"
local files = require "files"
local program = require "program"

-- Runs a script of this text, whose path is returned as well.
local function run_script(text, ...)
  local path = program.file(text)
  local result = program.run { path, ... }
  os.remove(path)
  return result, path
end

local function assert_contains(text, part)
  assert.truthy(text:find(part, 1, true),
    ("%q is not in:\n%s"):format(part, text))
end

-- One line on stderr that holds `part`, nothing on stdout.
local function assert_complaint(result, status, part)
  assert_contains(result.err, part)
  assert.truthy(result.err:match "^weft: [^\n]+\n$", result.err)
  assert.equal("", result.out)
  assert.equal(status, result.status)
end

-- -- Running -----------------------------------------------------------------

describe("the weft program", function()
  it("runs a script with its arguments in ... and arg", function()
    local result, path = run_script([[
      print(arg[0], #arg, arg[1], arg[2], arg[3])
      print(select("#", ...), ...)
    ]], "a", "-v", "--", "c d")
    assert.equal(path .. "\t4\ta\t-v\t--\n4\ta\t-v\t--\tc d\n", result.out)
    assert.equal("", result.err)
    assert.equal(0, result.status)
  end)

  it("runs the script as the main task", function()
    local result = run_script [[
      local weft = require "weft"
      weft.sleep(0)
      print(#weft.all_tasks(), weft.current_task():parent())
    ]]
    assert.equal("1\tnil\n", result.out)
    assert.equal(0, result.status)
  end)

  it("finds its modules from any folder", function()
    local path = program.file [[require "weft" print "found"]]
    local cwd = lfs.currentdir()
    local result = program.output_of(("cd / && %s/%s %s 2>&1"):format(cwd,
      (os.getenv "WEFT" or "build/weft"):gsub("^" .. cwd:gsub("%p", "%%%0")
        .. "/", ""), path))
    os.remove(path)
    assert.equal("found\n", result)
  end)

  it("runs code given by -e, with arguments", function()
    local result = program.run { "-e", "print(#arg, ...)", "a", "b" }
    assert.equal("2\ta\tb\n", result.out)
    assert.equal(0, result.status)
    assert.equal("1\n", program.run { "--execute", "print(1)" }.out)
    assert.equal(0, program.run { "-e", "" }.status)
  end)

  it("runs standard input for -", function()
    local result = program.run { "-", "a", input = "print(arg[0], ...)" }
    assert.equal("-\ta\n", result.out)
    assert.equal(0, result.status)
  end)

  it("takes what follows -- for a script", function()
    assert.equal("-\tx\n", program.run {
      "--", "-", "x", input = "print(arg[0], ...)",
    }.out)
  end)

  it("calls code given by -e so in arg[0]", function()
    assert.equal("-e\tx\tx\n",
      program.run { "-e", "print(arg[0], arg[1], ...)", "x" }.out)
  end)

  it("ends with the number that the script returns", function()
    for _, status in ipairs { 0, 1, 7, 255 } do
      assert.equal(status, run_script("return " .. status).status)
      assert.equal(status, program.run { "-e", "return " .. status }.status)
    end
    local others = { "-1", "256", "1.5", "'3'", "true", "nil", "0/0" }
    for _, value in ipairs(others) do
      assert.equal(0, run_script("return " .. value).status, value)
    end
  end)

  it("fails if its output cannot be written", function()
    local err = os.tmpname()
    for code, status in pairs { ["print(1)"] = 1, ["print(1) return 3"] = 3 } do
      local result = os.execute(("%s -e '%s' >/dev/full 2>%s"):format(
        os.getenv "WEFT" or "build/weft", code, err))
      assert.equal(status, result / 256)
      assert.equal("weft: cannot write to standard output: No space left on "
        .. "device\n", files.get(err))
    end
    os.remove(err)
  end)

  it("does not mind a script that closes its output", function()
    local result = run_script "io.write 'out' io.stdout:close() return 4"
    assert.equal("", result.err)
    assert.equal("out", result.out)
    assert.equal(4, result.status)
  end)

  it("skips a line that begins with #!", function()
    assert.equal("ran\n", run_script("#!/usr/bin/env weft\nprint 'ran'").out)
  end)

  it("tells its version and its usage", function()
    for _, option in ipairs { "-v", "--version" } do
      local result = program.run { option }
      assert.truthy(result.out:match "^weft %d+%.%d+%.%d+ %(LuaJIT [^\n]+%)\n$")
      assert.equal(0, result.status)
    end
    for _, option in ipairs { "-h", "--help" } do
      local result = program.run { option }
      assert_contains(result.out, "Usage: weft [options] [script.lua | -]")
      for _, name in ipairs { "--debug", "--inspect", "--tree <pid>",
        "--top <pid>", "--trace <file>", "--interactive", "weft test" } do
        assert_contains(result.out, name)
      end
      for line in result.out:gmatch "[^\n]+" do assert.is_true(#line <= 80) end
      assert.equal(0, result.status)
    end
  end)
end)

-- -- Options that go with a script -------------------------------------------

describe("the weft program's options", function()
  it("come before the script; what follows is the script's", function()
    local path = program.file "print(#arg, ...)"
    local result = program.run { "--debug", "--inspect", path, "--tree", "x",
      "--help", "-i" }
    os.remove(path)
    assert.equal("4\t--tree\tx\t--help\t-i\n", result.out)
    assert.equal("", result.err)
  end)

  it("--debug turns on all of weft.debug, as WEFT_DEBUG=1 does", function()
    local code = [[
      local options = require("weft").debug()
      print(options.slow, options.watchdog, options.sites, options.deadlock,
        options.leaks)
    ]]
    local on = "0.1\t1\ttrue\ttrue\ttrue\n"
    assert.equal(on, program.run { "--debug", "-e", code }.out)
    assert.equal(on,
      program.run { "-e", code, env = { WEFT_DEBUG = "1" } }.out)
    assert.equal(on:gsub("[^\t\n]+", "false"),
      (program.run { "-e", code, env = { WEFT_DEBUG = "" } }.out))
  end)

  it("--inspect opens the socket for the time of the run [29.7]", function()
    local result = program.run { "--inspect", "-e", [[
      local weft = require "weft"
      local path = weft.inspect()
      print(path:match "[^/]+$" == weft.fs.readlink "/proc/self")
      print(path)
    ]] }
    local first, path = result.out:match "^(%l+)\n(/.+)\n$"
    assert.equal("true", first)
    assert.is_nil(io.open(path))
    assert.is_nil(require("lfs").symlinkattributes(path))
  end)

  it("--trace writes what the tasks do to a file", function()
    local path = os.tmpname()
    local result = program.run { "--trace", path, "-e", [[
      require("weft").spawn("traced", function() end)
      require("weft").yield()
    ]] }
    local file = assert(io.open(path))
    local events = require("cjson").decode(file:read "*a")
    file:close()
    os.remove(path)
    assert.equal("", result.err)
    local names = {}
    for _, event in ipairs(events.traceEvents or events) do
      local name = event.args and event.args.name
      if name then names[tostring(name)] = true end
    end
    assert.is_true(names.traced and names.main)
  end)

  it("--trace to where nothing can be written is a complaint", function()
    assert_complaint(program.run { "--trace", "/nowhere/t.json", "-e", "" }, 2,
      "cannot write the trace: /nowhere/t.json: No such file or directory")
  end)

  it("-i has a prompt after the script, which is a task of it", function()
    local result = program.run { "-i", "-e", "x = ... error 'no good'", "7",
      input = "x\n" }
    assert_contains(result.out, "> \"7\"\n")
    assert_contains(result.err, "Error: (-e):1: no good\n")
    assert.equal(0, result.status)
  end)
end)

-- -- Wrong command lines -----------------------------------------------------

describe("the weft program's complaint, one line with status 2,", function()
  it("is made of a missing script", function()
    assert_complaint(program.run {}, 2, "no script given: weft script.lua")
  end)

  it("is made of an unknown option", function()
    assert_complaint(program.run { "-x" }, 2, "unknown option '-x'")
    assert_complaint(program.run { "--exec" }, 2, "see weft --help")
  end)

  it("is made of a value that is none", function()
    assert_complaint(program.run { "--tree", "x" }, 2, "option '--tree' takes "
      .. "a process's number (as ps or pgrep weft tells it) or the path of its "
      .. "socket, got 'x'; see weft --help")
    assert_complaint(program.run { "--top", "0" }, 2, "got '0'")
    assert_complaint(program.run { "--tree" }, 2,
      "option '--tree' requires an argument")
    for _, value in ipairs { "0", "-1", "x", "inf", "nan" } do
      assert_complaint(program.run { "--top", "1", "--interval=" .. value }, 2,
        "option '--interval' takes a number of seconds above 0, got '" .. value)
    end
    assert_complaint(program.run { "--interval", "2" }, 2,
      "option '--interval' is for --top <pid>")
  end)

  it("is made of a script where none is run", function()
    assert_complaint(program.run { "--tree", "1", "job.lua" }, 2, "option "
      .. "'--tree' runs no script, so there is no use for 'job.lua'")
    assert_complaint(program.run { "-v", "extra" }, 2, "option '--version' "
      .. "runs no script, so there is no use for 'extra'")
  end)

  it("is made of -e without code", function()
    assert_complaint(program.run { "-e" }, 2, "option '-e' requires")
  end)

  it("is made of a script that cannot be read", function()
    assert_complaint(program.run { "/nowhere/job.lua" }, 2,
      "cannot read the script /nowhere/job.lua: No such file or directory; "
        .. "give the path of a Lua file, - for standard input, or -e 'code'")
    assert_complaint(program.run { "/tmp" }, 2, "/tmp: is a folder")
    assert_complaint(program.run { "" }, 2, "cannot read the script")
  end)
end)

-- -- Failing scripts ---------------------------------------------------------

describe("the weft program, when a script fails,", function()
  it("tells a syntax error in one line", function()
    local result, path = run_script "local x = = 1"
    assert_complaint(result, 1, path .. ":1: unexpected symbol near '='")
    assert_complaint(program.run { "-e", "x x" }, 1, "(-e):1: '=' expected")
    assert_complaint(program.run { "-", input = "x x" }, 1, "stdin:1:")
  end)

  it("tells the error, the user's line and the status 1", function()
    local result, path = run_script "\nerror 'no good'"
    assert_contains(result.err, "weft: Error: " .. path .. ":2: no good\n")
    assert_contains(result.err, path .. ":2: in main chunk")
    assert.equal(1, result.status)
  end)

  it("keeps what was printed before", function()
    local result = run_script "io.write 'so far' error 'no good'"
    assert.equal("so far", result.out)
  end)

  it("tells errors that are no text", function()
    assert_contains(run_script("error {}").err, "weft: Error: table: ")
    assert_contains(run_script("error()").err, "weft: Error: nil")
    assert_contains(run_script([[
      error(require("weft").error_class "OddError" "so odd")
    ]]).err, "weft: OddError: so odd")
  end)

  it("tells the tree of a group, with tasks, lines and tracebacks",
    function()
      local result, path = run_script [[
        local weft = require "weft"
        local function deep() error "deep trouble" end
        weft.group(function(group)
          group:spawn("outer", function()
            weft.group(function(inner) inner:spawn("inner", deep) end)
          end)
          group:spawn("other", function() error("bad", 0) end)
        end)
      ]]
      assert_contains(result.err, table.concat({
        "weft: ErrorGroup: 2 failures",
        "  - Error: bad (in other)",
        "  - ErrorGroup: 1 failure (in outer)",
        "    - Error: " .. path .. ":2: deep trouble (in inner)",
        "",
        "Error: bad",
        "\t" .. path .. ":7: in function <" .. path .. ":7>",
        "    in task other, spawned by main",
        "",
        "Error: " .. path .. ":2: deep trouble",
        "\t" .. path .. ":2: in function <" .. path .. ":2>",
        "    in task inner, spawned by outer",
        "\t" .. path .. ":5: in function <" .. path .. ":4>",
        "    in task outer, spawned by main",
        "",
        "2 failures in one group",
        "\t" .. path .. ":3: in main chunk",
        "",
      }, "\n"))
      assert.equal(1, result.status)
    end)

  it("reports a background task's failure, which changes nothing [4.12]",
    function()
      local result, path = run_script [[
        local weft = require "weft"
        weft.spawn("lost", function() error "oh" end)
        weft.sleep(0.001)
        print "fine"
      ]]
      assert_contains(result.err, "weft: task lost: failed, and nobody asked\n"
        .. "Error: " .. path .. ":2: oh\n")
      assert.equal("fine\n", result.out)
      assert.equal(0, result.status)
    end)

  it("says what is wrong with an argument, and where it was given", function()
    local result, path = run_script [[
      require("weft.http").get "a bad url"
    ]]
    assert_contains(result.err,
      "weft: ArgumentError: url: \"a bad url\" is no http or https URL\n")
    assert_contains(result.err, path .. ":1: in main chunk")
    assert.equal(1, result.status)
  end)

  it("takes the status of os.exit", function()
    assert.equal(7, program.run { "-e", "print 'out' os.exit(7)" }.status)
  end)
end)

-- -- Signals -----------------------------------------------------------------

local WAITS = [[
  local weft = require "weft"
  weft.finally(function()
    print "waits"
    io.stdout:flush()
    weft.sleep_forever()
  end, function(err)
    weft.sleep(0.001)
    print("cleaned up: " .. err.source .. " " .. err.reason)
  end)
]]

describe("the weft program, at a signal,", function()
  for signal, status in pairs { INT = 130, TERM = 143 } do
    it(("ends with %d after SIG%s, when cleanup has run [23.1, 23.2]")
      :format(status, signal), function()
        local running = program.start { "-e", WAITS }
        assert.equal("waits", running:line())
        running:kill(signal)
        local result = running:finish()
        assert.equal(("cleaned up: signal SIG%s\n"):format(signal), result.out)
        assert.equal(("weft: cancelled by SIG%s\n"):format(signal), result.err)
        assert.equal(status, result.status)
      end)
  end

  it("lets main decide how it ends [23.2]", function()
    local running = program.start { "-e", [[
      local weft = require "weft"
      print "waits"
      io.stdout:flush()
      pcall(weft.sleep_forever)
    ]] }
    assert.equal("waits", running:line())
    running:kill "INT"
    local result = running:finish()
    assert.equal("", result.err)
    assert.equal(0, result.status)
  end)

  it("cuts off cleanup that hangs at the second one [23.3]", function()
    local running = program.start { "-e", [[
      local weft = require "weft"
      weft.finally(function()
        print "waits"
        io.stdout:flush()
        weft.sleep_forever()
      end, function()
        print "cleans"
        io.stdout:flush()
        weft.sleep_forever()
      end)
    ]] }
    assert.equal("waits", running:line())
    running:kill "INT"
    assert.equal("cleans", running:line())
    running:kill "TERM"
    local result = running:finish()
    assert.equal("weft: cancelled by SIGINT\n", result.err)
    assert.equal(130, result.status)
  end)

  it("leaves a loop that never waits at the third one [23.4]", function()
    local running = program.start { "-e", [[
      print "computes"
      io.stdout:flush()
      while true do end
    ]] }
    assert.equal("computes", running:line())
    repeat until not running:kill "INT" -- equal ones may arrive as one
    assert.equal(130, running:finish().status)
  end)
end)
