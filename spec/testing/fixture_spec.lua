-- Fixtures: made when asked for, taken down at the end of the test.
local weft = require "weft"
local finalizers = require "weft.testing.finalizers"
local fixture = require "weft.testing.fixture"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails = helper.fails

testing.options { virtual = true }

-- A fixture of that name, which notes in `said` what is done with it.
local function noting(said, name, first)
  return fixture.new(function(yield)
    local before = first and first()
    weft.sleep(1)
    said[#said + 1] = "+" .. name
    yield((before or "") .. name)
    weft.sleep(1)
    said[#said + 1] = "-" .. name
  end)
end

describe("a fixture", function()
  it("is made when it is asked for, and parks in both halves", function()
    local said = {}
    local db = noting(said, "db")
    assert.same({}, said)
    assert.equal("db", db())
    assert.same({ "+db" }, said)
    finalizers.run()
    assert.same({ "+db", "-db" }, said)
    assert.equal(2, weft.now())
  end)

  it("is one for all who ask in a test, and another in the next", function()
    local count = 0
    local db = fixture.new(function(yield)
      count = count + 1
      yield { number = count }
    end)
    local first = db()
    assert.equal(first, db())
    assert.equal(1, count)
    finalizers.run()
    assert.equal(2, db().number)
    finalizers.run()
  end)

  it("may use others, which outlive it", function()
    local said = {}
    local server = noting(said, "server")
    local client = noting(said, "client", server)
    local session = noting(said, "session", client)
    assert.equal("serverclientsession", session())
    assert.equal("server", server())
    finalizers.run()
    assert.same({ "+server", "+client", "+session", "-session", "-client",
      "-server" }, said)
  end)

  it("is made once though several tasks ask at a time", function()
    local said = {}
    local db = noting(said, "db")
    local results = weft.gather { db, db, db }
    assert.same({ "db", "db", "db", n = 3 }, results)
    assert.same({ "+db" }, said)
    finalizers.run()
  end)

  it("yields several values, nils too", function()
    local both = fixture.new(function(yield) yield("a", nil, "c", nil) end)
    assert.equal(4, select("#", both()))
    assert.same({ "a", nil, "c" }, { both() })
    finalizers.run()
  end)

  it("is another one for other arguments", function()
    local user = fixture.new(function(yield, name) yield { name = name } end)
    assert.equal("ann", user("ann").name)
    assert.equal(user "ann", user "ann")
    assert.are_not.equal(user "ann", user "bob")
    assert.are_not.equal(user(), user(nil))
    finalizers.run()
  end)

  it("has the test's error raised at its yield, which it cannot handle",
    function()
      local seen
      local db = fixture.new(function(yield)
        local ok, err = pcall(yield)
        seen = not ok and err
      end)
      db()
      finalizers.run "the test's"
      assert.equal("the test's", seen)
    end)

  it("that fails while it is made is left as not made: the next call tries "
    .. "again", function()
    local count = 0
    local db = fixture.new(function(yield)
      count = count + 1
      weft.sleep(1)
      if count == 1 then error(weft.OSError "no server", 0) end
      yield(count)
    end)
    local second = weft.spawn(function() return db() end)
    local err = fails("OSError", db)
    assert.equal(err.message, fails("OSError", second.await, second).message)
    assert.equal(0, finalizers.count())
    assert.equal(2, db())
    finalizers.run()
  end)

  it("whose maker is cancelled tells the others", function()
    local db = noting({}, "db")
    local maker = weft.spawn(db)
    testing.wait_all_parked()
    local other = weft.spawn(db)
    testing.wait_all_parked()
    maker:cancel()
    local err = fails("InvalidStateError", other.await, other)
    assert.truthy(err.message:find("was cancelled", 1, true))
    assert.equal(0, finalizers.count())
  end)

  it("cannot ask for itself", function()
    local first, second
    first = fixture.new(function(yield) yield(second()) end)
    second = fixture.new(function(yield) yield(first()) end)
    local err = fails("InvalidStateError", first)
    assert.truthy(err.message:find("asks for itself", 1, true))
    assert.equal(0, finalizers.count())
  end)

  it("fails the test if taking it down fails; the others are taken down",
    function()
      local said = {}
      noting(said, "db")()
      fixture.new(function(yield)
        yield()
        error(weft.ClosedError "broken", 0)
      end)()
      fails("ClosedError", finalizers.run)
      assert.same({ "+db", "-db" }, said)
    end)

  it("must yield, and once", function()
    fails("InvalidStateError", fixture.new(function() end))
    local twice = fixture.new(function(yield) yield() yield() end)
    twice()
    fails("InvalidStateError", finalizers.run)
  end)

  it("may have a group around its yield", function()
    local beats = 0
    local heart = fixture.new(function(yield)
      weft.group(function(g)
        g:spawn(function()
          while true do
            beats = beats + 1
            weft.sleep(1)
          end
        end)
        yield()
        g:cancel()
      end)
    end)
    heart()
    weft.sleep(2.5)
    finalizers.run()
    assert.equal(3, beats)
  end)

  it("with a group is left at the end of the function that asked for it",
    testing.plain(function()
      local said = {}
      local group = fixture.new(function(yield, fails_after)
        weft.group(function(g)
          g:spawn(function()
            weft.sleep(fails_after)
            error(weft.ClosedError "sick", 0)
          end)
          yield()
          said[#said + 1] = "left"
          g:cancel()
        end)
      end)
      testing.virtual(function() group(10) end)()
      assert.same({ "left" }, said)
      local err = fails("ErrorGroup", testing.virtual(function()
        group(1)
        weft.sleep(5) -- is cut off
      end))
      assert.equal("sick", err.errors[1].message)
      err = fails("ClosedError", testing.virtual(function()
        group(10)
        error(weft.ClosedError "own")
      end))
      assert.equal("own", err.message)
    end))

  it("refuses what is no function, and needs a task", testing.plain(function()
    helper.refuses({ "fixture(fn)", "number 1" }, fixture.new, 1)
    local err = fails("InvalidStateError", fixture.new(print))
    assert.truthy(err.message:find("the fixture needs a runtime", 1, true))
  end))
end)
