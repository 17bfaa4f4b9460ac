-- Assertions about errors.
local weft = require "weft"
local testing = require "weft.testing"

testing.options { virtual = true }
require "weft.testing.assertions"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

local function raiser(err)
  return function() error(err, 0) end
end

-- What a failed assertion says, without its place and the stack.
local function said(fn, ...)
  local err = helper.error_of(fn, ...)
  local text = type(err) == "table" and err.message or err
  return (tostring(text):gsub("\nRaised at:.*$", ""))
end

local function group_of(...)
  local members = { ... }
  return function()
    weft.group(function(g)
      for i, member in ipairs(members) do
        g:spawn("child" .. i, function()
          if type(member) == "function" then return member() end
          error(member, 0)
        end)
      end
      weft.sleep(1)
    end)
  end
end

-- A new one for each test: a task that raises it signs it.
local refused
before_each(function()
  refused = weft.OSError("connect: refused", { code = "ECONNREFUSED" })
end)

describe("assert.raises_error", function()
  it("returns the error of the class, or of one that inherits from it",
    function()
      local err = weft.QueueShutDown "over"
      assert.equal(err, assert.raises_error("QueueShutDown", raiser(err)))
      assert.equal(err, assert.raises_error(weft.ClosedError, raiser(err)))
      assert.raises_error("Error", raiser(err))
    end)

  it("parks where the function does", function()
    local err = assert.raises_error("TimeoutError", function()
      weft.timeout(60, weft.sleep_forever)
    end)
    assert.equal(60, weft.now())
    assert.truthy(err.scope)
  end)

  it("looks at the message: a piece of it, or a pattern", function()
    local fail = raiser(weft.Error "at (1.5) of 10")
    assert.raises_error("Error", fail, "at (1.5)")
    assert.raises_error("Error", fail, "of %d+$")
    local text = said(assert.raises_error, "Error", fail, "of nothing")
    assert.equal('Expected:\n  Error with message "of nothing"\n'
      .. "Found:\n  Error: at (1.5) of 10", text)
    said(assert.raises_error, "Error", fail, "[") -- no pattern, and no piece
  end)

  it("looks at fields", function()
    assert.raises_error("OSError", raiser(refused), { code = "ECONNREFUSED",
      message = "refused" })
    assert.equal('Expected:\n  OSError with code "EPIPE"\n'
      .. 'Found:\n  OSError: connect: refused with code "ECONNREFUSED"',
      said(assert.raises_error, "OSError", raiser(refused),
        { code = "EPIPE" }))
  end)

  it("takes a function that looks at any value", function()
    assert.equal(7, assert.raises_error(function(x) return x == 7 end,
      raiser(7)))
    said(assert.raises_error, function(x) return x == 8 end, raiser(7))
  end)

  it("takes an error that was caught", function()
    assert.raises_error("OSError", refused)
    assert.raises_error(refused, refused)
    said(assert.raises_error, refused, weft.OSError "another")
  end)

  it("says what came instead, and where from", function()
    local text = helper.error_of(assert.raises_error, "TimeoutError",
      function() error(weft.ClosedError "gone") end)
    text = type(text) == "table" and text.message or text
    assert.truthy(text:find("Expected:\n  TimeoutError\n"
      .. "Found:\n  ClosedError: gone\nRaised at:\n", 1, true), text)
    assert.truthy(text:find("assertions_spec.lua:", 1, true))
    assert.equal("Expected:\n  TimeoutError\nNothing was raised.",
      said(assert.raises_error, "TimeoutError", function() end))
    assert.equal('Expected:\n  Error\nFound:\n  no error object: string "x"',
      said(assert.raises_error, "Error", raiser "x"))
  end)

  it("can be turned round", function()
    assert.no.raises_error("TimeoutError", raiser(refused))
    assert.no.raises_error("TimeoutError", function() end)
    assert.equal("Expected anything but:\n  OSError\n"
      .. "Found:\n  OSError: connect: refused",
      said(assert.no.raises_error, "OSError", raiser(refused)))
  end)

  it("takes nil for an error that was not there", function()
    assert.truthy(said(function() assert.raises_error("Error", nil) end)
      :find("Nothing was raised.", 1, true))
  end)

  it("passes a cancellation on [6.6]", function()
    local scope = weft.move_on_after(5, function()
      assert.raises_error("Error", weft.sleep_forever)
      error "never reached"
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("refuses what is no matcher", function()
    refuses({ "raises_error(x, fn): x", "nil" }, assert.raises_error, nil,
      print)
    refuses({ "empty table" }, assert.raises_error, {}, print)
    refuses({ "fields", "number 1" }, assert.raises_error, "Error", print, 1)
    refuses({ "raises_error(x, fn): fn is missing" }, assert.raises_error,
      "OSError")
    refuses({ "error_group(members, fn): fn is missing" }, assert.error_group,
      { "OSError" })
    refuses({ "members must be a list", "got an empty table" },
      assert.error_group, {}, print)
    refuses({ "field message", "number 1" }, assert.raises_error,
      { message = 1 }, print)
  end)
end)

describe("assert.error_group", function()
  local TimeoutError = weft.TimeoutError

  it("matches all members, in any order, and returns the group", function()
    local err = assert.error_group({ weft.OSError, "TimeoutError" },
      group_of(TimeoutError "late", refused))
    assert.equal(2, #err.errors)
    assert.error_group({ "OSError" }, group_of(refused))
  end)

  it("in their order, if that is asked for", testing.with({ seed = false },
    function()
    local group = group_of(TimeoutError "late", refused)
    assert.error_group({ ordered = true, "TimeoutError", "OSError" }, group)
    assert.equal([[
Expected:
  ErrorGroup, in this order, of
    - OSError
    - TimeoutError
Found:
  ErrorGroup: 2 failures
    - TimeoutError: late (in child1)
    - OSError: connect: refused (in child2)
Missing:
  - OSError
  - TimeoutError
Not expected:
  - TimeoutError: late (in child1)
  - OSError: connect: refused (in child2)]],
      said(assert.error_group,
        { ordered = true, "OSError", "TimeoutError" }, group))
    end))

  it("finds the one way in which all fit", function()
    local group = group_of(TimeoutError "late", refused, weft.Error "plain")
    assert.error_group({ "Error", "TimeoutError", { code = "ECONNREFUSED" } },
      group)
    assert.error_group({ { code = "ECONNREFUSED" }, "Error", "TimeoutError" },
      group)
    assert.error_group({ "Error", "Error", "TimeoutError" }, group)
    said(assert.error_group, { "OSError", "OSError", "Error" }, group)
  end)

  it("looks at messages and fields", function()
    assert.error_group({ { is = "OSError", code = "ECONNREFUSED",
      message = "refused" } }, group_of(refused))
    assert.error_group({ function(err) return err.task == "child1" end },
      group_of(refused))
  end)

  it("matches groups in groups", function()
    local nested = group_of(refused, group_of(TimeoutError "late"))
    assert.error_group({ "OSError", { "TimeoutError" } }, nested)
    assert.error_group({ "OSError",
      { is = "ErrorGroup", errors = { "TimeoutError" } } }, nested)
    said(assert.error_group, { "OSError", "TimeoutError" }, nested)
    assert.equal([[
Expected:
  ErrorGroup of
    - OSError
    - ErrorGroup of
      - TimeoutError
      - ClosedError with message "gone"
Found:
  ErrorGroup: 2 failures
    - OSError: connect: refused (in child1)
    - ErrorGroup: 1 failure (in child2)
      - TimeoutError: late (in child1)
Missing:
  - ErrorGroup of
      - TimeoutError
      - ClosedError with message "gone"
Not expected:
  - ErrorGroup: 1 failure (in child2)
      - TimeoutError: late (in child1)]],
      said(assert.error_group, { "OSError",
        { "TimeoutError", { is = "ClosedError", message = "gone" } } },
        nested))
  end)

  it("fails for a member too many, one too few, and no group", function()
    assert.truthy(said(assert.error_group, { "OSError" },
      group_of(refused, TimeoutError "late")):find("Not expected:\n"
        .. "  - TimeoutError: late (in child2)", 1, true))
    assert.truthy(said(assert.error_group, { "OSError", "OSError" },
      group_of(refused)):find("Missing:\n  - OSError", 1, true))
    assert.equal("Expected:\n  ErrorGroup of\n    - OSError\n"
      .. "Found:\n  OSError: alone",
      said(assert.error_group, { "OSError" },
        raiser(weft.OSError "alone")))
    assert.truthy(said(assert.error_group, { "OSError" }, function() end)
      :find("Nothing was raised.", 1, true))
  end)

  it("takes a group that was caught, and a message of one's own", function()
    local err = helper.error_of(group_of(refused))
    assert.error_group({ "OSError" }, err)
    assert.equal(1, (said(assert.error_group, { "Error", "Error" }, err,
      "both fail"):find("both fail\nExpected:", 1, true)))
  end)

  it("can be turned round", function()
    assert.no.error_group({ "TimeoutError" }, group_of(refused))
    said(assert.no.error_group, { "OSError" }, group_of(refused))
  end)

  it("refuses what is no list of members", function()
    refuses({ "members must be a list", 'string "OSError"' },
      assert.error_group, "OSError", print)
    refuses({ "members must be a list" }, assert.error_group, {}, print)
    refuses({ "members[2]", "number 1" }, assert.error_group, { "Error", 1 },
      print)
    refuses({ "members[1][1]", "boolean true" }, assert.error_group,
      { { true } }, print)
    fails("ArgumentError", assert.error_group, { { errors = 1 } }, print)
  end)
end)
