-- `weft --top`: on a terminal, and elsewhere.
local program = require "spec.program"
local terminal = require "spec.terminal"

local ENTER, LEAVE = "\27[?1049h\27[?25l", "\27[?25h\27[?1049l"

-- A program that can be looked at, with so many tasks besides main; it ends
-- when it gets a line.
local function start(tasks)
  local child = program.start { "--inspect", "-e", [[
    local weft = require "weft"
    for i = 1, tonumber((...)) do weft.spawn("w" .. i, weft.sleep_forever) end
    weft.yield()
    print "ready" io.stdout:flush()
    weft.sleep_forever()
  ]], tostring(tasks) }
  assert.equal("ready", child:line())
  return child
end

local function finish(child)
  child:kill "KILL"
  child:finish()
end

describe("weft --top", function()
  it("prints one look after the other where there is no terminal", function()
    local child = start(1)
    local pipe = io.popen(("%s --top %s --interval 0.01 2>&1; echo status $?")
      :format(os.getenv "WEFT" or "build/weft", child.pid))
    local lines = {}
    for i = 1, 14 do lines[i] = pipe:read "*l" end
    finish(child)
    local rest = pipe:read "*a"
    pipe:close()
    local head = ("weft process %s, tasks: 2 (0 running, 0 ready, 2 parked), "
      .. "timers: 0"):format(child.pid)
    assert.equal(head, lines[1])
    assert.equal("per second: - turns, - switches, - polls", lines[2])
    assert.equal("", lines[3])
    assert.truthy(lines[4]:find "^main #1: waits for sleep")
    assert.truthy(lines[5]:find "^w1 #2: waits for sleep")
    assert.equal("", lines[6])
    assert.equal(head, lines[7])
    assert.truthy(lines[8]:match "^per second: %d+ turns, 0 switches, %d+ poll")
    assert.truthy(rest:find("\nweft: process " .. child.pid .. " has ended\n"
      .. "status 0\n", 1, true), rest)
  end)

  it("ends without a word where its reader has seen enough", function()
    local child = start(1)
    local err = os.tmpname()
    os.execute(("{ timeout 30 %s --top %s --interval 0.01; echo status $? >&2; "
      .. "} 2>%s | head -1 >/dev/null"):format(os.getenv "WEFT" or "build/weft",
        child.pid, err))
    finish(child)
    local file = io.open(err)
    assert.equal("status 0\n", file:read "*a")
    file:close()
    os.remove(err)
  end)

  it("complains as --tree does where nothing can be seen", function()
    local child = start(0)
    finish(child)
    local result = program.run { "--top", child.pid }
    assert.truthy(result.err:find("there is no process", 1, true))
    assert.equal("", result.out)
    assert.equal(1, result.status)
  end)

  it("has a screen of its own, left as it was found at Ctrl-C", function()
    local child = start(1)
    local result = terminal.run({ "--top", child.pid }, {
      { ENTER }, { "w1 #2: waits for sleep" }, "\3", { LEAVE },
    })
    finish(child)
    assert.equal(0, result.status)
  end)

  it("leaves it at the other's end, too, and says so", function()
    local child = start(1)
    local result = terminal.run({ "--top", child.pid, "--interval", "0.01" }, {
      { ENTER }, { "w1 #2" }, { kill = child.pid }, { LEAVE },
      { "process " .. child.pid .. " has ended" },
    })
    child:finish()
    assert.equal(0, result.status)
  end)

  it("shows what fits, and follows the size of the window", function()
    local child = start(50)
    local result = terminal.run({ "--top", child.pid, "--interval", "60",
      size = { 10, 20 } }, {
      { ENTER }, { "weft process " }, { "main #1: waits for s\27[K" },
      { "w5 #6: waits for sle\27[K" },
      { "... 45 lines more\27[K\27[J" },
      { resize = { 12, 60 } },
      { "w7 #8: waits for sleep" }, { "... 43 lines more" },
      "\3", { LEAVE },
    })
    finish(child)
    assert.equal(0, result.status)
  end)
end)
