-- The prompt, on a terminal of its own and without one. What is expected next
-- is never what was just typed: the terminal echoes that.
local lfs = require "lfs"
local program = require "spec.program"
local terminal = require "spec.terminal"

local PROMPT = "\n> "
local CTRL_C, CTRL_D, TAB = "\3", "\4", "\t"

-- The history of these specs is their own.
local state

-- Runs the prompt on a terminal that can do nothing but write, to its end, with
-- args.status, or 0. What is typed before a prompt is there is the shell's.
local function prompt(steps, args)
  args = args or {}
  args.env = args.env or {}
  args.env.TERM = args.env.TERM or "dumb"
  args.env.XDG_STATE_HOME = args.env.XDG_STATE_HOME or state
  args.env.INPUTRC = "/dev/null"
  args.size = { 24, 200 }
  local result = terminal.run(args, steps)
  assert.equal(args.status or 0, result.status)
  assert.is_true(result.echo) -- as the shell had it
  return result
end

-- The output of lines given without a terminal, without the greeting.
local function typed(...)
  local result = program.run {
    "-i", input = table.concat({ ... }, "\n") .. "\n",
    env = { XDG_STATE_HOME = state },
  }
  assert.equal(0, result.status)
  return (result.out:gsub("^[^\n]*\n", "")), result.err
end

local function contains(text, part)
  assert.truthy(text:find(part, 1, true),
    ("%q is not in:\n%s"):format(part, text))
end

describe("the prompt", function()
  setup(function()
    state = os.tmpname()
    os.remove(state)
    assert(lfs.mkdir(state))
  end)

  teardown(function() os.execute("rm -r " .. state) end)

  -- -- Lines ------------------------------------------------------------------

  it("shows the values of expressions, and runs statements", function()
    assert.equal('> 2\n> > 1, nil, "x"\n> { 1, x = {...} }\n> ',
      (typed("1 + 1", "x = 5", "1, nil, 'x'", "{ 1, x = { 1 } }")))
    assert.equal("> 5\n> 6\n> ", (typed("= 5", "_ + 1")))
  end)

  it("goes on with what is not complete", function()
    assert.equal(">"
      .. " >> >> 1\n2\n> >> 3\n> ", (typed("for i = 1, 2 do", "print(i)",
      "end", "1 +", "2")))
  end)

  it("tells errors with their traceback, and goes on", function()
    local out, err = typed("error 'no good'", "x x", "weft.sleep 'x'", "7")
    assert.equal("> > > > 7\n> ", out)
    contains(err, "Error: (line 1):1: no good\n")
    contains(err, "(line 1):1: in main chunk")
    contains(err, "(line 2):1: '=' expected near 'x'\n")
    contains(err, "ArgumentError: ")
    assert.is_nil(err:find("prompt.lua", 1, true), err) -- nothing of ours
  end)

  it("says what became of a local", function()
    local out, err = typed("local a = 1", "a", "local b = 2")
    assert.equal("> > nil\n> > ", out)
    assert.equal("(a local lives in its own line; leave out \"local\" to keep "
      .. "the value)\n", err)
  end)

  it("lets a line wait, and the background go on meanwhile", function()
    assert.equal("> > done\n\"late\"\n> ", (typed(
      "t = weft.spawn(function() weft.sleep(0.01) print 'done' end)",
      "weft.sleep(0.02, 'late')")))
  end)

  it("tells of a failure in the background before the next line", function()
    local _, err = typed("t = weft.spawn('job', error, 'gone')",
      "weft.sleep(0.01)", "io.stderr:write 'next\\n'", "t:await()")
    contains(err, "weft: task job: failed, and nobody asked\nError: gone\n")
    local _, count = err:gsub("failed, and nobody asked", "")
    assert.equal(1, count)
    assert.truthy(err:find "nobody asked.*\nnext\n.*Error: gone", err)
  end)

  it("has help, and exit, which say what they are", function()
    local out = typed("help", "exit", "exit()", "never")
    contains(out, "Each line is a chunk and a task of its own")
    contains(out, "Ctrl-C stops the line that runs")
    contains(out, "> (Ctrl-D leaves; help tells more)\n> ")
    assert.is_nil(out:find("never", 1, true))
  end)

  it("cancels and joins what is in the background when it is left",
    function()
      local out = typed("weft.spawn(function() weft.finally("
        .. "weft.sleep_forever, function() print 'cleaned up' end) end)",
        "weft.yield()")
      contains(out, "cleaned up\n")
    end)

  -- -- On a terminal ----------------------------------------------------------

  it("is there without arguments on a terminal, and left by Ctrl-D",
    function()
      local result = prompt { { PROMPT }, "1 + 1\r", { "\n2" }, { PROMPT },
        CTRL_D }
      contains(result.screen, "weft 0.")
    end)

  it("lets the tasks run while it waits for a line", function()
    prompt { { PROMPT },
      "t = weft.spawn(function() weft.sleep(0.1) print('do' .. 'ne') end)\r",
      { PROMPT }, { "done" }, CTRL_D }
  end)

  it("cancels the line that runs at Ctrl-C, and nothing else", function()
    prompt { { PROMPT },
      "t = weft.spawn(function() weft.sleep_forever() end)\r", { PROMPT },
      "io.write('r', 'uns') io.flush() weft.sleep_forever()\r", { "runs" },
      CTRL_C, { "\ncancelled" }, { PROMPT },
      "t:done(), #weft.all_tasks()\r", { "\nfalse, 4" }, { PROMPT }, CTRL_D }
  end)

  it("interrupts a line that computes", function()
    prompt { { PROMPT },
      "io.write('r', 'uns') io.flush() while true do end\r", { "runs" },
      CTRL_C, { "\nError: interrupted by Ctrl-C" }, { "(line 1)" },
      { PROMPT }, "1 + 1\r", { "\n2" }, { PROMPT }, CTRL_D }
  end)

  it("leaves a line behind whose cleanup does not end", function()
    prompt { { PROMPT },
      "weft.finally(weft.sleep_forever, function() print('cle' .. 'ans') "
        .. "weft.sleep(1000) end)\r", { "\n" },
      CTRL_C, { "cleans" },
      CTRL_C, { "\n(it is cancelled, and its cleanup runs; Ctrl-C once more" },
      CTRL_C, { "\n(left in the background)" }, { PROMPT },
      "1 + 1\r", { "\n2" }, { PROMPT },
      CTRL_D, { "(ending 1 task in the background; Ctrl-C twice" },
      CTRL_C, { "^C" }, { signal = "TERM" } }
  end)

  it("drops the half of a line at Ctrl-C", function()
    prompt { { PROMPT }, "1 + ", { "1 + " }, CTRL_C, { PROMPT }, "2\r",
      { "\n2" }, { PROMPT }, "for i = 1, 2 do\r", { "\n>> " }, CTRL_C,
      { PROMPT }, "3\r", { "\n3" }, { PROMPT }, CTRL_D }
  end)

  it("says how it is left at a second Ctrl-C where nothing runs", function()
    local result = prompt { { PROMPT }, CTRL_C, { PROMPT }, CTRL_C,
      { "(Ctrl-D leaves; help tells more)" }, { PROMPT }, CTRL_D }
    local _, count = result.screen:gsub("help tells more", "")
    assert.equal(1, count)
  end)

  it("gives a line that runs the terminal as the shell left it", function()
    prompt { { PROMPT }, "print('re' .. 'ady') _ = io.read()\r", { "ready" },
      "typed\r", { PROMPT }, "_\r", { "\n\"typed\"" }, { PROMPT },
      CTRL_D }
  end)

  it("completes names, and finds lines typed before", function()
    prompt { { PROMPT }, "we" .. TAB, { "ft" }, ".tre" .. TAB, { "e" },
      "()\r", { "main #1" }, { PROMPT }, CTRL_D }
    prompt { { PROMPT }, "\16\r", { "weft.tree()" }, { "main #1" }, -- Ctrl-P
      { PROMPT }, CTRL_D }
  end)

  it("ends with 143 at SIGTERM, the terminal as it was", function()
    prompt({ { PROMPT }, { signal = "TERM" },
      { "\nweft: cancelled by SIGTERM" } }, { status = 143 })
  end)

  it("does without the package that edits lines, and says so", function()
    prompt({
      { "(no line editing: it comes with the package lua-readline)" },
      { PROMPT }, "1 + 1\r", { "\n2" }, { PROMPT },
      "io.write('r', 'uns') io.flush() weft.sleep_forever()\r", { "runs" },
      CTRL_C, { "\ncancelled" }, { PROMPT }, CTRL_C, { PROMPT },
      "3\r", { "\n3" }, { PROMPT }, CTRL_D,
    }, { env = { LUA_PATH = "/nowhere/?.lua" } })
  end)
end)
