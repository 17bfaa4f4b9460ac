-- Failures of what is around a test.
local weft = require "weft"

describe("before_each", function()
  before_each(function()
    weft.yield()
    error "no database"
  end)
  it("is not run", function() print "NEVER" end)
end)

describe("after_each", function()
  after_each(function()
    weft.yield()
    error "cannot clean up"
  end)
  it("passes itself", function() end)
  it("fails itself", function() assert.equal(1, 2) end)
end)

describe("finally", function()
  it("passes itself", function()
    finally(function()
      weft.yield()
      error "in finally"
    end)
  end)
  it("has cleanup, though it fails", function()
    finally(function()
      weft.yield()
      print "finally ran"
    end)
    weft.yield()
    error "after all"
  end)
end)

describe("setup", function()
  setup(function()
    weft.yield()
    error "no server"
  end)
  it("is not run", function() print "NEVER" end)
end)

describe("lazy_setup", function()
  lazy_setup(function()
    weft.yield()
    error "no lazy server"
  end)
  it("is not run", function() print "NEVER" end)
end)

describe("teardown", function()
  teardown(function()
    weft.yield()
    error "no end of it"
  end)
  it("passes", function() end)
end)

describe("deferred", function()
  local testing = require "weft.testing"
  it("fails by what it has deferred", function()
    testing.defer(function()
      weft.yield()
      error "cannot be undone"
    end)
  end)
end)

describe("setup that defers", function()
  setup(function() require("weft.testing").defer(error, "not undone") end)
  it("passes", function() end)
end)

describe("setup that reports", function()
  setup(function() weft.report("lost in setup", "somebody") end)
  it("passes", function() end)
end)

it("goes on", function() weft.yield() end)
