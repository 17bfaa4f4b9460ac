-- What crosses from one thread to another, and what is refused.
local weft = require "weft"
local helper = require "spec.helper"

local refuses = helper.refuses
local to_thread = weft.to_thread

local function echo(...) return ... end

describe("copied values", function()
  it("are plain ones, with nils where they were [24.1]", function()
    assert.same({ n = 6, nil, true, false, 1.5, "text", nil },
      { n = select("#", to_thread(echo, nil, true, false, 1.5, "text", nil)),
        to_thread(echo, nil, true, false, 1.5, "text", nil) })
    assert.equal(0, select("#", to_thread(echo)))
    assert.equal(1, select("#", to_thread(echo, nil)))
  end)

  it("are numbers as they are", function()
    local a, b, c, d = to_thread(echo, -0.0, math.huge, 2 ^ 53, 0 / 0)
    assert.equal(-math.huge, 1 / a)
    assert.equal(math.huge, b)
    assert.equal(2 ^ 53, c)
    assert.is_true(d ~= d)
  end)

  it("are numbers of 64 bits", function()
    local a, b = to_thread(echo, -5LL, 18446744073709551615ULL)
    assert.is_true(a == -5LL and b == 18446744073709551615ULL)
  end)

  it("are strings of any bytes", function()
    local bytes = {}
    for i = 0, 255 do bytes[i + 1] = string.char(i) end
    local all = table.concat(bytes)
    assert.equal(all, (to_thread(echo, all)))
    assert.equal("", (to_thread(echo, "")))
  end)

  it("are tables with lists, holes, and keys of any kind", function()
    local value = { 1, 2, nil, 4, a = { b = { c = "d" } }, [true] = false,
      [1.5] = "x", [-1] = "y" }
    assert.same(value, (to_thread(echo, value)))
    local copy = to_thread(function(t) t.a.b.c = "changed" return t end, value)
    assert.equal("changed", copy.a.b.c)
    assert.equal("d", value.a.b.c)
  end)

  it("share what was shared, and may go in circles", function()
    local shared = { 1 }
    local value = { first = shared, second = shared }
    value.self = value
    local copy, again = to_thread(echo, value, shared)
    assert.equal(copy, copy.self)
    assert.equal(copy.first, copy.second)
    assert.equal(copy.first, again)
  end)

  it("are large tables of plain values, as they are", function()
    local value = { [true] = "yes", [-1] = 0.5, [2 ^ 40] = "far" }
    for i = 1, 300 do
      value[i] = i % 7 > 0 and i / 3 or nil
      value["key " .. i] = { i, { text = "\0" .. i }, i % 2 == 0 }
    end
    assert.same(value, (to_thread(echo, value)))
    local minus, nan = to_thread(function(t) return 1 / t[1], t[2] end,
      { -0.0, 0 / 0, unpack(value, 8, 13), ("x"):rep(40):byte(1, -1) })
    assert.equal(-math.huge, minus)
    assert.is_true(nan ~= nan)
    assert.is_nil(getmetatable(value))
    assert.is_nil(getmetatable(value["key 1"][2]))
  end)

  -- A large table in which there is `item`.
  local function large(item)
    local list = {}
    for i = 1, 100 do list[i] = { i } end
    list[#list + 1] = item
    return list
  end

  it("are large tables that share or go in circles", function()
    local shared = { 1 }
    local a, b = large(shared), large(shared)
    local copy, other, alone = to_thread(echo, a, b, shared)
    assert.equal(copy[101], other[101])
    assert.equal(copy[101], alone)
    local twice = to_thread(echo, large { shared, shared })
    assert.equal(twice[101][1], twice[101][2])
    local same, again = to_thread(echo, a, a)
    assert.equal(same, again)
    local round = large()
    round[101] = { back = round }
    copy = to_thread(echo, round)
    assert.equal(copy, copy[101].back)
    copy, alone = to_thread(function(t) return t, a[101] end, a)
    assert.equal(copy[101], alone)
    assert.is_nil(getmetatable(shared))
    assert.is_nil(getmetatable(round))
  end)

  it("are large tables in which not all is plain", function()
    local Point = { __metatable = false }
    Point.__index = function() return "a point" end
    local deep = {}
    for _ = 1, 500 do deep = { deep } end
    local items = { setmetatable({}, Point), function() return 1 end, 5LL, deep,
      string, { [{}] = 1 } }
    for _, item in ipairs(items) do
      local list = large(item)
      local copy = to_thread(echo, list)
      assert.same({ 1 }, copy[1])
      assert.equal(type(item), type(copy[101]))
      assert.is_nil(getmetatable(list))
      assert.is_nil(getmetatable(list[1]))
    end
    assert.equal("a point", to_thread(echo, large(items[1]))[101].name)
    assert.equal(string, to_thread(echo, large(string))[101])
    refuses({ "item 101 of argument 1", "coroutine" }, to_thread, echo,
      large(coroutine.create(print)))
  end)

  it("keep their metatables", function()
    local Point = {}
    Point.__index = Point
    function Point.length(self) return self.x + self.y end
    local point = setmetatable({ x = 1, y = 2 }, Point)
    assert.equal(3, to_thread(function(p) return p:length() end, point))
    assert.equal(3, to_thread(echo, point):length())
  end)

  it("are large", function()
    local size = 100 * 1024 * 1024
    local text = ("0123456789abcdef"):rep(size / 16)
    local length, back = to_thread(function(s) return #s, s end, text)
    assert.equal(size, length)
    assert.is_true(back == text)
  end)

  it("are results by the hundred", function()
    local results = { to_thread(function()
      local list = {}
      for i = 1, 500 do list[i] = i end
      return unpack(list)
    end) }
    assert.equal(500, #results)
    assert.equal(500, results[500])
  end)
end)

describe("copied functions", function()
  it("bring their upvalues of all kinds [24.1]", function()
    local number, text, none, list = 1, "two", nil, { 3 }
    local function helper_function(x) return x * number end
    assert.same({ 1, "two", true, 3, 10 }, (to_thread(function()
      return { number, text, none == nil, list[1], helper_function(10) }
    end)))
  end)

  it("leave the caller's upvalues alone", function()
    local count = 0
    local function add()
      count = count + 1
      return count
    end
    assert.equal(1, (to_thread(add)))
    assert.equal(1, (to_thread(add)))
    assert.equal(0, count)
  end)

  it("may call themselves, and each other", function()
    local odd
    local function even(n) return n == 0 or odd(n - 1) end
    function odd(n) return n ~= 0 and even(n - 1) end
    local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
    assert.equal(55, (to_thread(fib, 10)))
    assert.is_true((to_thread(even, 100)))
  end)

  it("share the upvalues that they share", function()
    local count = 0
    local function add() count = count + 1 end
    local function get() return count end
    assert.equal(2, (to_thread(function()
      add()
      add()
      return get()
    end)))
  end)

  it("come back, and work here", function()
    local add = to_thread(function(a)
      return function(b) return a + b end
    end, 40)
    assert.equal(42, add(2))
  end)

  it("are those of the library by name", function()
    local insert, format, floor = table.insert, string.format, math.floor
    local bit, ffi = require "bit", require "ffi"
    local band = bit.band
    local ok = to_thread(function()
      local list = {}
      insert(list, format("%d", floor(2.5)))
      return list[1] == "2" and band(6, 3) == 2 and bit.bor(1, 2) == 3
        and ffi.sizeof "int" == 4
    end)
    assert.is_true(ok)
    assert.equal(print, (to_thread(function() return print end)))
    assert.equal(string.rep, (to_thread(echo, string.rep)))
  end)

  it("find modules as the caller does, by require and as upvalue", function()
    local json = weft.json
    local gate = require "spec.gate"
    assert.equal("[1]", (to_thread(function() return json.encode { 1 } end)))
    assert.is_true((to_thread(function()
      return require "spec.gate" == gate and package.loaded._G == _G
    end)))
    assert.equal(weft.json.encode, (to_thread(echo, weft.json.encode)))
  end)

  it("have the worker's own globals", function()
    _G.spec_global = "caller's"
    local seen = to_thread(function() return _G.spec_global end)
    _G.spec_global = nil
    assert.is_nil(seen)
  end)

  it("are new each time, though their code is kept", function()
    local function job(value, keep)
      local held = value
      local function get() return held end
      kept = keep and get or kept -- luacheck: ignore
      return get(), kept() -- luacheck: ignore
    end
    local executor = weft.executor.threads { workers = 1 }
    assert.same({ 1, 1 }, { executor:run(job, 1, true) })
    assert.same({ 2, 1 }, { executor:run(job, 2, false) })
    executor:shutdown()
  end)

  it("with constants as upvalues see those of each call", function()
    local executor = weft.executor.threads { workers = 1 }
    local function sum_with(constant)
      return executor:run(function()
        local sum = 0
        for _ = 1, 1000 do sum = sum + constant end
        return sum
      end)
    end
    for i = 1, 20 do assert.equal(1000 * i, sum_with(i)) end
    executor:shutdown()
  end)

  it("take as many upvalues as there may be", function()
    local source, sum = {}, {}
    for i = 1, 60 do
      source[i] = ("local a%d = %d\n"):format(i, i)
      sum[i] = "a" .. i
    end
    source = table.concat(source) .. "return function() return "
      .. table.concat(sum, " + ") .. " end"
    assert.equal(1830, (to_thread(loadstring(source)())))
  end)

  it("without debug information run too", function()
    local five = 5
    local stripped = loadstring(string.dump(
      function(a, b) return a + b end, true))
    assert.equal(3, (to_thread(stripped, 1, 2)))
    assert.equal(6, (to_thread(function(f) return f(1, five) end, stripped)))
  end)
end)

describe("what cannot be copied", function()
  it("is an ArgumentError that names it, before anything runs [24.1]",
    function()
      local queue = weft.queue()
      local err = refuses({ "weft.to_thread", "upvalue 'queue' of fn",
        "copy_spec.lua:", "is a weft.Queue", "its own thread" },
        to_thread, function() return queue end)
      assert.is_truthy(err.traceback:find("copy_spec.lua", 1, true))
    end)

  it("may be an argument, or part of one", function()
    local queue = weft.queue()
    refuses({ "argument 2 is a weft.Queue" }, to_thread, echo, 1, queue)
    refuses({ "field 'b' of field 'a' of argument 1 is a weft.Queue" },
      to_thread, echo, { a = { b = queue } })
    refuses({ "item 2 of argument 1 is a weft.Queue" }, to_thread, echo,
      { 1, queue })
    refuses({ "a key of argument 1 is a weft.Queue" }, to_thread, echo,
      { [queue] = 1 })
  end)

  it("may be deep in a function", function()
    local file = io.stdout
    local function inner() return file end
    refuses({ "upvalue 'file' of upvalue 'inner' of fn (defined at",
      "is userdata" }, to_thread, function() return inner() end)
  end)

  it("is any object that a thread cannot share", function()
    local ffi = require "ffi"
    for name, value in pairs {
      ["a weft.Task"] = weft.current_task(),
      ["a weft.Event"] = weft.event(),
      ["a weft.Lock"] = weft.lock(),
      ["a weft.Future"] = weft.future(),
      ["a weft.Scope"] = weft.current_task().scope,
      ["thread"] = coroutine.create(echo),
      ["userdata"] = newproxy(),
      ["cdata"] = ffi.new "int[2]",
    } do
      refuses({ "argument 1 is", name }, to_thread, echo, value)
    end
  end)

  it("is a C function without a name", function()
    refuses({ "argument 1 is a function written in C" }, to_thread, echo,
      string.gmatch("a", "a"))
  end)

  it("is what is nested without end", function()
    local value = {}
    for _ = 1, 2000 do value = { value } end
    refuses({ "nested too deep" }, to_thread, echo, value)
    value = {}
    for _ = 1, 900 do value = { value } end
    assert.is_table(to_thread(echo, value))
  end)

  it("as a result, is an ArgumentError too", function()
    local err = refuses({ "result 2 of fn is userdata" }, to_thread,
      function() return 1, io.stdout end)
    assert.is_truthy(err.traceback:find("in worker %d+"))
    refuses({ "field 'x' of result 1", "is a coroutine" }, to_thread,
      function() return { x = coroutine.create(print) } end)
  end)

  it("leaves the worker good for the next call", function()
    local executor = weft.executor.threads { workers = 1 }
    for _ = 1, 3 do
      refuses({ "result 1" }, executor.run, executor,
        function() return io.stdout end)
      assert.equal(1, executor:run(echo, 1))
    end
    executor:shutdown()
  end)

  it("is a module that the worker does not find", function()
    package.loaded["spec.unknown"] = { here = true }
    local unknown = package.loaded["spec.unknown"]
    local err = helper.error_of(to_thread, function() return unknown end)
    package.loaded["spec.unknown"] = nil
    assert.is_truthy(err.message:find("module 'spec.unknown' not found", 1,
      true))
  end)
end)

describe("errors from a worker", function()
  it("keep class, message, fields and traceback [24.5]", function()
    local Mine = weft.error_class("SpecThreadError", weft.OSError)
    local err = helper.fails("SpecThreadError", to_thread, function()
      error(Mine("broken", { code = "EIO", answer = { 42 } }))
    end)
    assert.is_true(err:is(Mine))
    assert.is_true(err:is "OSError")
    assert.equal("broken", err.message)
    assert.equal("EIO", err.code)
    assert.same({ 42 }, err.answer)
    assert.is_truthy(err.traceback:find("copy_spec.lua:%d+: in function"))
  end)

  it("have the worker as one more line of the path [24.5]", function()
    local task = weft.spawn("asker", to_thread, function() error "no" end)
    local err = helper.error_of(task.await, task)
    assert.equal("asker", err.task)
    assert.is_truthy(err.traceback:find(
      "\n\tin worker %d+, awaited by task asker$"))
    assert.is_nil(err.traceback:find("copy.lua", 1, true))
    assert.is_truthy(err.message:find "copy_spec.lua:%d+: no$")
  end)

  it("are objects for whatever was raised", function()
    for _, value in ipairs { "text", 42, { code = 3 }, true } do
      local err = helper.fails("Error", to_thread,
        function(v) error(v, 0) end, value)
      assert.same(value, err.value)
    end
    local err = helper.fails("Error", to_thread, function() error(nil) end)
    assert.is_nil(err.value)
    err = helper.fails("Error", to_thread, function() error(io.stdout) end)
    assert.is_truthy(tostring(err.value):find "^file")
  end)

  it("come whole: groups, causes, and classes made there", function()
    local err = helper.error_of(to_thread, function()
      local inner = require "weft"
      local Own = inner.error_class "SpecWorkerError"
      inner.run(function()
        inner.group(function(g)
          g:spawn("a", function() error(Own "one") end)
        end)
      end)
    end)
    assert.is_true(err:is "ErrorGroup")
    assert.equal("SpecWorkerError", err.errors[1].name)
    assert.equal("a", err.errors[1].task)
    assert.equal(1, #err:leaves())
  end)

  it("may be arguments and results", function()
    local Mine = weft.error_class "SpecPassedError"
    local same, back = to_thread(function(e, class)
      return e:is(class), e
    end, Mine("hello", { x = 1 }), Mine)
    assert.is_true(same)
    assert.is_true(back:is(Mine))
    assert.equal(1, back.x)
  end)
end)
