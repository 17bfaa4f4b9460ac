-- Parks wherever busted calls code of tests. Run by suite_spec with the helper,
-- in several ways; the specs themselves say nothing of tasks.
local weft = require "weft"

local trace = {}

local function park(word)
  weft.sleep(0)
  weft.checkpoint()
  trace[#trace + 1] = word
  return word
end

describe("parking", function()
  it("in it", function() assert.equal("x", park "x") end)
  it("in has_error", function()
    assert.has_error(function()
      park "y"
      error "expected"
    end, "expected")
    assert.has_no.errors(function() park "z" end)
  end)
  it("in pcall and coroutines", function()
    assert.is_true(pcall(park, "a"))
    local co = coroutine.wrap(function()
      park "b"
      coroutine.yield(1)
    end)
    assert.equal(1, co())
  end)
end)

describe("hooks", function()
  local events = {}
  setup(function() events[1] = park "setup" end)
  teardown(function()
    park "teardown"
    assert.equal("setup", events[1])
  end)
  before_each(function() events[#events + 1] = park "before" end)
  after_each(function() events[#events + 1] = park "after" end)

  it("run around a test", function()
    finally(function() events[#events + 1] = park "finally" end)
    assert.is_truthy(events[#events] == "before")
  end)

  it("and around the next", function()
    assert.equal("before", events[#events])
    assert.equal("after", events[#events - 1] == "setup" and "after"
      or events[#events - 1])
  end)

  describe("of describes inside", function()
    local inner = {}
    lazy_setup(function() inner[1] = park "lazy" end)
    lazy_teardown(function() park "lazy teardown" end)
    before_each(function() inner[#inner + 1] = park "inner before" end)
    it("run too", function()
      assert.equal("lazy", inner[1])
      assert.equal("inner before", inner[#inner])
      assert.equal("before", events[#events])
    end)
  end)
end)

describe("what before_each opened", function()
  local queue, server
  before_each(function()
    queue = weft.queue()
    server = weft.spawn("server", function()
      while true do queue:put(1, weft.sleep(0.0001)) end
    end)
    weft.yield()
  end)
  after_each(function()
    server:cancel()
    weft.yield()
  end)

  for i = 1, 3 do
    it("is used in test " .. i, function() assert.equal(1, queue:get()) end)
  end
end)

describe("spies and stubs", function()
  it("park", function()
    local object = { ask = function(_, word) return park(word) end }
    local on = spy.on(object, "ask")
    assert.equal("w", object:ask "w")
    assert.spy(on).was.called_with(match.is_table(), "w")
    local replaced = stub(object, "ask").invokes(function() return park "s" end)
    assert.equal("s", object.ask())
    assert.stub(replaced).was.called(1)
    object.ask:revert()
    assert.equal("v", object:ask "v")
  end)

  it("are called by other tasks", function()
    local called = spy.new(function() park "t" end)
    weft.group(function(g)
      for _ = 1, 3 do g:spawn(function() called() end) end
    end)
    assert.spy(called).was.called(3)
  end)

  it("are reverted by snapshots", function()
    local object = { ask = function() return park "real" end }
    local snapshot = assert:snapshot()
    stub(object, "ask").returns "stubbed"
    assert.equal("stubbed", object.ask())
    snapshot:revert()
    assert.equal("real", object.ask())
  end)
end)

describe("pending", function()
  it("is said after a park", function()
    park "p"
    pending "not yet"
    error "never here"
  end)
  pending("is said of a test", function() error "never run" end)
end)

describe("blocks of busted's", function()
  insulate("insulate", function()
    _G.insulated_global = true
    it("holds tests that park", function()
      park "i"
      assert.is_true(_G.insulated_global)
    end)
  end)

  expose("expose", function()
    exposed = "exposed" -- luacheck: ignore
    it("holds tests that park", function() park "e" end)
  end)

  it("has neither of insulate's globals", function()
    assert.is_nil(rawget(_G, "insulated_global"))
  end)

  context("context", function() test("test", function() park "c" end) end)
  describe("spec", function() spec("spec", function() park "d" end) end)

  it("async is nothing special", function()
    local done = weft.event()
    weft.call_soon(function() done:set() end)
    done:wait()
  end)
end)

describe("tasks", function()
  it("are the test's own", function()
    assert.equal("main", weft.current_task():name())
    assert.equal(1, #weft.all_tasks())
  end)

  it("have tables of many values in results", function()
    local list = weft.gather { function() return 1 end,
      function() return 2 end }
    assert.same({ 1, 2, n = 2 }, list)
  end)

  it("time out within the test", function()
    assert.error_matches(function()
      weft.timeout(0.001, weft.sleep_forever)
    end, "timed out")
  end)
end)

describe("randomised", function()
  randomize()
  for i = 1, 3 do
    it("test " .. i, function() park(i) end)
  end
end)
