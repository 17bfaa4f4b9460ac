-- Signals to wait for. What is sent to the own process is noted at once and
-- handed out by the next poll.
local ffi = require "ffi"
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"
local program = require "spec.program"

testing.options { virtual = true }
require "spec.children" -- the C functions

local fails, refuses = helper.fails, helper.refuses
local NUMBERS = { HUP = 1, INT = 2, USR1 = 10, USR2 = 12, TERM = 15 }

local function send(name)
  assert(ffi.C.kill(ffi.C.getpid(), NUMBERS[name]) == 0)
end

describe("weft.signals", function()
  it("gives names as they come [23.7]", function()
    local names = {}
    local it = weft.signals("HUP", "SIGUSR1")
    local task = loopback.parked(function()
      for name in it do
        names[#names + 1] = name
        if #names == 3 then break end
      end
    end)
    send "USR1"
    send "HUP"
    loopback.settle()
    send "USR1"
    task:await()
    assert.same({ "USR1", "HUP", "USR1" }, names)
    it:close()
  end)

  it("gives each signal to each that is open [23.7]", function()
    local one, two = weft.signals "HUP", weft.signals("HUP", "USR1")
    send "HUP"
    assert.equal("HUP", one:next())
    assert.equal("HUP", two:next())
    one:close()
    two:close()
  end)

  it("is closed by its owner [23.7, 14.7]", function()
    local kept
    weft.scope(function()
      kept = weft.signals "HUP"
      send "HUP"
      assert.equal("HUP", kept:next()) -- and no further
      assert.is_nil(kept.closed)
    end)
    assert.is_true(kept.closed)
    assert.is_nil(kept:next())
    kept:close() -- once more
  end)

  it("loses none when it is cancelled [3.5]", function()
    local it = weft.signals "HUP"
    loopback.assert_cancelled(loopback.parked(it.next, it))
    send "HUP"
    assert.equal("HUP", it:next())
    it:close()
  end)

  it("raises a BusyError for a second task, and ends when it is closed",
    function()
      local it = weft.signals "HUP"
      local task = loopback.parked(it.next, it)
      fails("BusyError", it.next, it)
      it:close()
      assert.is_nil(task:await())
      assert.is_nil(it:next())
    end)

  it("does not keep the virtual clock from jumping [30.1]", function()
    local it = weft.signals "HUP"
    fails("TimeoutError", weft.timeout, 1000, function() it:next() end)
    it:close()
  end)

  it("refuses what is no signal, and what cannot be caught [23.7]", function()
    refuses({ "\"KILL\" cannot be caught", "HUP, INT" }, weft.signals, "KILL")
    refuses({ "\"SIGSTOP\" cannot be caught" }, weft.signals, "HUP",
      "SIGSTOP")
    refuses({ "\"FOO\" is no signal", "USR1" }, weft.signals, "FOO")
    refuses({ "\"CHLD\" is used by the runtime" }, weft.signals, "CHLD")
    refuses({ "\"SEGV\" is a fault" }, weft.signals, "SEGV")
    refuses({ "number 1 is no name" }, weft.signals, 1)
    refuses({ "the name of a signal expected" }, weft.signals)
  end)

  it("needs a runtime", testing.plain(function()
    fails("InvalidStateError", weft.signals, "HUP")
  end))
end)

-- Programs of their own, to be signalled.
describe("weft.signals and Ctrl-C", function()
  local function run_until(script, ...)
    local file = program.file(script)
    local child = program.start { file }
    assert.equal("ready", child:line())
    local lines = {}
    for i, signal in ipairs { ... } do
      child:kill(signal)
      lines[i] = child:line()
    end
    child:kill "INT"
    local result = child:finish()
    result.lines = lines
    os.remove(file)
    return result
  end

  it("while INT is open, it does not cancel main [23.7, 23.1]", function()
    local result = run_until([[
      io.stdout:setvbuf "no"
      local weft = require "weft"
      local count = 0
      local it = weft.signals "INT"
      print "ready"
      for name in it do
        count = count + 1
        if count == 4 then break end
        print(name)
      end
      it:close()
      print "INT is Ctrl-C again"
      weft.sleep_forever()
    ]], "INT", "INT", "INT", "INT")
    assert.same({ "INT", "INT", "INT", "INT is Ctrl-C again" }, result.lines)
    assert.equal(130, result.status)
  end)
end)
