-- Error objects: classes, `is`, groups and their parts, and what they carry.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

-- -- Classes -----------------------------------------------------------------

describe("weft.error_class", function()
  it("makes objects with name, message and fields", function()
    local NotFound = weft.error_class "NotFound"
    local err = NotFound("no such user", { user = 7 })
    assert.equal("NotFound", err.name)
    assert.equal("no such user", err.message)
    assert.equal(7, err.user)
  end)

  it("gives an object without a message its class's name", function()
    assert.equal("NotFound", weft.error_class "NotFound"().message)
  end)

  it("writes an object as name: message", function()
    assert.equal("ClosedError: gone", tostring(weft.ClosedError "gone"))
  end)

  it("takes weft.Error as the parent unless told [10.4]", function()
    local Mine = weft.error_class "Mine"
    assert.is_true(Mine "x":is(weft.Error))
  end)

  it("inherits from the parent that is given [10.4]", function()
    local Io = weft.error_class("Io", weft.OSError)
    local Disk = weft.error_class("Disk", Io)
    assert.is_true(Disk "full":is(weft.OSError))
    assert.is_true(Disk "full":is "Io")
    assert.is_false(Io "x":is(Disk))
  end)

  it("tells classes of one name apart by the class", function()
    local A, B = weft.error_class "Same", weft.error_class "Same"
    assert.is_true(A "x":is(A))
    assert.is_false(A "x":is(B))
    assert.is_true(A "x":is "Same")
  end)

  it("refuses a name that is no string", function()
    refuses({ "name", "string", "number" }, weft.error_class, 5)
    refuses({ "name", "nil" }, weft.error_class)
  end)

  it("refuses a parent that is no error class", function()
    refuses({ "parent", "error class", "table" }, weft.error_class, "A", {})
    refuses({ "parent", "error class", "string" }, weft.error_class, "A", "B")
  end)

  it("refuses fields that are no table", function()
    refuses({ "fields", "table", "number" }, weft.Error, "message", 5)
  end)
end)

describe("err:is", function()
  it("knows a class, its name and its parents [10.4]", function()
    local err = weft.QueueShutDown "x"
    assert.is_true(err:is(weft.QueueShutDown))
    assert.is_true(err:is "QueueShutDown")
    assert.is_true(err:is(weft.Error))
    assert.is_false(err:is "OSError")
  end)

  it("takes QueueShutDown for a ClosedError [10.4]", function()
    assert.is_true(weft.QueueShutDown "x":is "ClosedError")
    assert.is_false(weft.ClosedError "x":is "QueueShutDown")
  end)

  it("takes IncompleteReadError for an EndOfStream [10.4]", function()
    assert.is_true(weft.IncompleteReadError "x":is(weft.EndOfStream))
  end)

  it("takes TLSError for an OSError [10.4]", function()
    assert.is_true(weft.TLSError "x":is(weft.OSError))
    assert.is_false(weft.OSError "x":is "TLSError")
  end)

  it("is the truth of a predicate [10.4]", function()
    local err = weft.OSError("x", { code = "ENOENT" })
    local function is_missing(e) return e.code == "ENOENT" and e.code end
    assert.equal(true, err:is(is_missing))
    assert.equal(false, weft.Error "x":is(is_missing))
  end)

  it("refuses what is neither class, name nor predicate", function()
    local err = weft.Error "x"
    refuses({ "class", "number" }, err.is, err, 5)
    refuses({ "class", "nil" }, err.is, err)
  end)

  local names = {
    "Error", "CancelledError", "TaskCancelledError", "TimeoutError",
    "ErrorGroup", "InvalidStateError", "QueueFull", "QueueEmpty",
    "QueueShutDown", "BrokenBarrierError", "ClosedError", "BusyError",
    "EndOfStream", "IncompleteReadError", "LimitOverrunError", "OSError",
    "ProcessError", "ArgumentError", "TLSError",
  }
  for _, name in ipairs(names) do
    it("finds weft." .. name .. " under its name and as an Error [10.4]",
      function()
        if name == "ErrorGroup" then return end -- made by groups only
        local err = weft[name] "x"
        assert.equal(name, err.name)
        assert.is_true(err:is(weft[name]) and err:is "Error")
      end)
  end
end)

-- -- Groups ------------------------------------------------------------------

-- The ErrorGroup of a group whose children raise these errors, in order.
local function group_of(...)
  local list = { ... }
  return error_of(weft.group, function(g)
    for _, err in ipairs(list) do g:spawn(function() error(err, 0) end) end
  end)
end

local function nested()
  return error_of(weft.group, function(g)
    g:spawn("inner", function()
      weft.group(function(h)
        h:spawn(function() error(weft.TimeoutError "a") end)
        h:spawn(function() error(weft.OSError "b") end)
      end)
    end)
    g:spawn("last", function()
      pcall(weft.sleep_forever)
      error(weft.TimeoutError "c")
    end)
  end)
end

describe("ErrorGroup", function()
  it("has at least one member, all error objects [10.5, 10.1]", function()
    local err = group_of "text"
    assert.equal(1, #err.errors)
    assert.equal("text", err.errors[1].value)
    assert.is_true(err.errors[1]:is "Error")
  end)

  it("is an Error and of no class of its members [10.5]", function()
    local err = group_of(weft.TimeoutError "late")
    assert.is_true(err:is "ErrorGroup" and err:is "Error")
    assert.is_false(err:is "TimeoutError")
  end)

  it("is written as a tree of all members", function()
    local text = tostring(nested())
    assert.is_truthy(text:find("^ErrorGroup: 2 failures\n"), text)
    assert.is_truthy(text:find("\n  - ErrorGroup: 2 failures (in inner)\n", 1,
      true), text)
    assert.is_truthy(text:find("\n    - TimeoutError: a", 1, true), text)
    assert.is_truthy(text:find("\n  - TimeoutError: c", 1, true), text)
  end)

  it("names in the tree the task each member comes from", function()
    local err = error_of(weft.group, function(g)
      g:spawn("fetch", function() error(weft.OSError "refused") end)
    end)
    assert.is_truthy(tostring(err):find("OSError: refused (in fetch)", 1, true))
  end)

  it("lists its leaves depth first [10.6]", function()
    local names = {}
    for _, leaf in ipairs(nested():leaves()) do
      names[#names + 1] = leaf.message
    end
    assert.same({ "a", "b", "c" }, names)
  end)
end)

describe("err:split", function()
  it("parts the leaves and keeps the nesting [10.6]", function()
    local late, rest = nested():split "TimeoutError"
    assert.equal(2, #late.errors)
    assert.is_true(late.errors[1]:is "ErrorGroup")
    assert.equal("a", late.errors[1].errors[1].message)
    assert.equal("c", late.errors[2].message)
    assert.equal(1, #rest.errors)
    assert.equal("b", rest.errors[1].errors[1].message)
  end)

  it("gives a group that matches whole [10.6]", function()
    local err = nested()
    local matching, rest = err:split "ErrorGroup"
    assert.equal(err, matching)
    assert.is_nil(rest)
  end)

  it("gives a member that is a group whole if it matches [10.6]", function()
    local err = nested()
    local inner = err.errors[1]
    local matching, rest = err:split(function(e) return e == inner end)
    assert.same({ inner }, matching.errors)
    assert.same({ err.errors[2] }, rest.errors)
  end)

  it("gives nil for a part that is empty [10.6]", function()
    local err = nested()
    local matching, rest = err:split "QueueFull"
    assert.is_nil(matching)
    assert.equal(#err:leaves(), #rest:leaves())
    matching, rest = err:split(function(e) return e.errors == nil end)
    assert.equal(3, #matching:leaves())
    assert.is_nil(rest)
  end)

  it("keeps the cause in both parts [10.6]", function()
    local err = nested()
    err.cause = weft.Error "why"
    local late, rest = err:split "TimeoutError"
    assert.equal(err.cause, late.cause)
    assert.equal(err.cause, rest.cause)
  end)

  it("keeps the members themselves and the original as it was [10.6]",
    function()
      local err = nested()
      local c = err.errors[2]
      local late = err:split "TimeoutError"
      assert.equal(c, late.errors[2])
      assert.equal(2, #err.errors)
    end)

  it("has in subgroup its first part alone [10.6]", function()
    local err = nested()
    assert.equal(1, #err:subgroup "OSError":leaves())
    assert.is_nil(err:subgroup "QueueFull")
    assert.equal(1, select("#", err:subgroup "OSError"))
  end)

  it("refuses what is neither class, name nor predicate", function()
    local err = nested()
    refuses({ "class", "number" }, err.split, err, 5)
  end)
end)

-- Where a traceback shows a function of one line.
local function line_of(fn)
  return "error_spec.lua:" .. debug.getinfo(fn, "S").linedefined .. ":"
end

-- -- What an error carries ---------------------------------------------------

describe("an error", function()
  it("is raised as it is inside one task [10.1]", function()
    local mine = {}
    local scopes = error_of(weft.timeout, 5, function()
      weft.shield(function() error(mine, 0) end)
    end)
    assert.equal(mine, scopes)
  end)

  it("becomes an Error with the original as value when it leaves a task "
    .. "[10.1]", function()
      local mine = setmetatable({},
        { __tostring = function() return "mine" end })
      local task = weft.spawn(function() error(mine) end)
      local err = fails("Error", task.await, task)
      assert.equal(mine, err.value)
      assert.equal("mine", err.message)
    end)

  it("can be nil, and becomes one too [10.1]", function()
    local task = weft.spawn(function() error(nil) end)
    local err = fails("Error", task.await, task)
    assert.is_nil(err.value)
    assert.equal("nil", err.message)
  end)

  it("of a cancellation can have a reason whose __tostring fails [6.11]",
    function()
      local odd = setmetatable({}, { __tostring = function() error "no" end })
      weft.scope(function(scope)
        scope:cancel(odd)
        for _ = 1, 2 do
          local err = fails("CancelledError", weft.sleep, 1)
          assert.equal(odd, err.reason)
          assert.equal("cancelled by cancel: a table whose tostring fails",
            err.message)
        end
      end)
    end)

  it("can have a __tostring that fails [10.1]", function()
    local odd = setmetatable({}, { __tostring = function() error "no" end })
    local task = weft.spawn(function() error(odd) end)
    local err = fails("Error", task.await, task)
    assert.equal(odd, err.value)
    assert.equal("string", type(err.message))
  end)

  it("has the name of the task it left", function()
    local task = weft.spawn("worker", function() error "x" end)
    assert.equal("worker", fails("Error", task.await, task).task)
  end)

  it("is the same object for every awaiter [10.2]", function()
    local task = weft.spawn(function() error "x" end)
    assert.equal(error_of(task.await, task), error_of(task.await, task))
    assert.equal(task:error(), error_of(task.await, task))
  end)

  it("is a new object of the same class where it leaves a second task [10.2]",
    function()
      local a = weft.spawn("a", function()
        error(weft.OSError("refused", { code = "ECONNREFUSED" }))
      end)
      local b = weft.spawn("b", function() a:await() end)
      local of_b = fails("OSError", b.await, b)
      local of_a = a:error()
      assert.are_not.equal(of_a, of_b)
      assert.equal("refused", of_b.message)
      assert.equal("ECONNREFUSED", of_b.code)
      assert.equal("b", of_b.task)
      assert.equal(of_a, of_b.cause)
      assert.equal("a", of_a.task)
    end)

  it("keeps the paths of two awaiters apart [10.2]", function()
    local a = weft.spawn("a", function() error(weft.Error "x") end)
    local b = weft.spawn("b", function() a:await() end)
    local c = weft.spawn("c", function() a:await() end)
    local of_b, of_c = error_of(b.await, b), error_of(c.await, c)
    assert.is_truthy(of_b.traceback:find("awaited by task b", 1, true))
    assert.is_nil(of_b.traceback:find("task c", 1, true))
    assert.is_nil(of_c.traceback:find("task b", 1, true))
    assert.is_nil(a:error().traceback:find("awaited", 1, true))
  end)

  it("has a line for every task it passed through [10.2, 10.3]", function()
    local a = weft.spawn("a", function() error(weft.Error "x") end)
    local b = weft.spawn("b", function() a:await() end)
    local c = weft.spawn("c", function() b:await() end)
    local text = error_of(c.await, c).traceback
    assert.is_truthy(text:find("\n\tin task a, [^\n]*awaited by task b at "
      .. "spec/error_spec.lua:%d+\n\tin task b, [^\n]*awaited by task c at "
      .. "spec/error_spec.lua:%d+$"), text)
  end)

  it("has the stack of its first raise as traceback [10.3]", function()
    local function raise_here() error(weft.Error "x") end
    local task = weft.spawn(function() weft.timeout(5, raise_here) end)
    local err = error_of(task.await, task)
    assert.is_truthy(err.traceback:find(line_of(raise_here), 1, true),
      err.traceback)
  end)

  it("is written as LuaJIT writes a stack, short or long", function()
    local core = require "weft.core"
    local function compare()
      local own, of_luajit = core.stack_lines(1), debug.traceback("", 1)
      assert.equal(of_luajit:sub(2):gsub("\n\t%[builtin#%d+%]: at %w+$", ""),
        own)
    end
    local function at(depth)
      if depth == 0 then compare() else at(depth - 1) end
      return depth
    end
    weft.group(function(g)
      for depth = 0, 40 do g:spawn(at, depth) end
    end)
    weft.generator(compare)():next()
    at(0)
    load("local compare = ...; compare()", "=" .. ("a"):rep(200))(compare)
    setmetatable({}, { __newindex = compare }).x = 1
    table.sort({ 2, 1 }, compare)
  end)

  it("has a traceback from the task where nothing else saw the raise [10.3]",
    function()
      local function raise_here() error "text" end
      local task = weft.spawn(function() raise_here() end)
      local err = error_of(task.await, task)
      assert.is_truthy(err.traceback:find(line_of(raise_here), 1, true),
      err.traceback)
    end)

  it("keeps its traceback when it is raised again [10.3]", function()
    local function first_place() error(weft.Error "x") end
    local _, err = weft.try(first_place)
    local before = err.traceback
    local _, again = weft.try(function() error(err) end)
    assert.equal(err, again)
    assert.equal(before, again.traceback)
  end)

  it("keeps, as a plain value, the stack of its first raise through scopes "
    .. "[10.3]", function()
      local function raise_here() error("text", 0) end
      local function nest() weft.timeout(5, function()
        weft.shield(raise_here)
      end) end
      local _, tried = weft.try(nest)
      local task = weft.spawn(function() nest() end)
      for _, err in ipairs { tried, (error_of(task.await, task)) } do
        assert.is_truthy(err.traceback:find(line_of(raise_here), 1, true),
          err.traceback)
      end
    end)

  it("never has the stack of an equal value's raise [10.3]", function()
    local function first_place() error("text", 0) end
    local function second_place() error("text", 0) end
    local function swallow() pcall(weft.timeout, 5, first_place) end
    local task = weft.spawn(function() swallow() second_place() end)
    local future = weft.future()
    swallow()
    future:set_error "text"
    swallow()
    local _, tried = weft.try(second_place)
    local list = { tried, (error_of(task.await, task)), (future:error()) }
    for _, err in ipairs(list) do
      assert.is_nil(err.traceback:find(line_of(first_place), 1, true),
        err.traceback)
    end
    for i = 1, 2 do
      assert.is_truthy(list[i].traceback:find(line_of(second_place), 1, true),
        list[i].traceback)
    end
  end)

  -- Only without the places is a task dropped that cannot catch the error.
  it("leaves the same CancelledError, whether it is raised or not [4.7, 6.11]",
    function()
      local function cause_in(body)
        local task = weft.spawn("cancelled", body)
        weft.yield()
        task:cancel()
        local err = error_of(task.await, task)
        assert.equal(err.cause, error_of(task.await, task).cause)
        assert.equal("task 'cancelled' was cancelled by cancel", err.message)
        return err.cause
      end
      weft.debug { sites = false }
      local dropped = cause_in(weft.sleep_forever)
      local raised = cause_in(function() weft.try(weft.sleep_forever) end)
      weft.debug { sites = true }
      assert.same(raised, dropped)
      assert.equal(getmetatable(raised), getmetatable(dropped))
      assert.equal("cancel", dropped.source)
    end)

  it("has no traceback if it is a CancelledError [10.3]", function()
    weft.debug { sites = false }
    weft.move_on_after(0, function()
      local err = fails("CancelledError", weft.sleep, 1)
      assert.is_nil(err.traceback)
    end)
  end)
end)
