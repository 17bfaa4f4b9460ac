-- Open files: reading, writing, positions, locks, closing; the lines of a path.
local string_buffer = require "string.buffer"
local weft = require "weft"
local testing = require "weft.testing"
local files = require "spec.files"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local fs = weft.fs
local put, get = files.put, files.get
local fails, refuses = helper.fails, helper.refuses

local function os_error(code, fn, ...)
  local err = fails("OSError", fn, ...)
  assert.equal(code, err.code)
  return err
end

-- Calls fn(file) with the file open, and closes it.
local function with_file(path, mode, fn)
  return weft.with(fs.open(path, mode), fn)
end

-- -- Opening -----------------------------------------------------------------

describe("fs.open", function()
  it("knows the modes of io.open, and x for what must not be there", function()
    local dir = files.directory()
    local path = dir .. "file"
    os_error("ENOENT", fs.open, path)
    os_error("ENOENT", fs.open, path, "r+")
    with_file(path, "x", function(f) f:write "one" end)
    os_error("EEXIST", fs.open, path, "x")
    os_error("EEXIST", fs.open, path, "x+")
    with_file(path, "a", function(f) f:write "two" end)
    assert.equal("onetwo", get(path))
    with_file(path, "r+b", function(f)
      assert.equal("one", f:read(3))
      f:write "TWO"
    end)
    assert.equal("oneTWO", get(path))
    with_file(path, "a+", function(f)
      assert.equal("oneTWO", f:read_all())
      f:write "!"
      f:seek("set", 0)
      assert.equal("oneTWO!", f:read_all())
    end)
    with_file(path, "w+", function(f)
      f:write "new"
      f:seek("set", 0)
      assert.equal("new", f:read_all())
    end)
    with_file(path, "wb", function() end)
    assert.equal("", get(path))
  end)

  it("lists the modes there are where one is wrong", function()
    local dir = files.directory()
    for _, mode in ipairs { "", "rw", "rx", "q", "r++", 5, true } do
      refuses({ "mode must be", '"r", "w", "a" or "x"', 'each also with "+"' },
        fs.open, dir .. "file", mode)
    end
    assert.same({}, files.names(dir))
  end)

  it("makes files with the permissions asked for", function()
    local dir = files.directory()
    fs.open(dir .. "file", "w", { permissions = "600" }):close()
    assert.equal(384, fs.stat(dir .. "file").mode)
    refuses({ "permissions" }, fs.open, dir .. "x", "w", { permissions = "9" })
    refuses({ "no option 'mode'" }, fs.open, dir .. "x", "w", { mode = 1 })
  end)

  it("opens no directory", function()
    local dir = files.directory()
    os_error("EISDIR", fs.open, dir)
    os_error("EISDIR", fs.open, dir, "w")
  end)
end)

-- -- Reading -----------------------------------------------------------------

describe("reading a file", function()
  it("gives n bytes, fewer only at the end, then nil", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "abcdefg"), "r", function(f)
      assert.equal("abc", f:read(3))
      assert.equal(3, f:position())
      assert.equal("def", f:read(3))
      assert.equal("g", f:read(3))
      assert.is_nil(f:read(3))
      assert.is_nil(f:read())
      assert.equal("", f:read_all())
    end)
  end)

  it("gives pieces of 64 KiB without n, or of the size asked for", function()
    local dir = files.directory()
    local text = ("0123456789abcdef"):rep(20000)
    put(dir .. "file", text)
    local sizes, all = {}, {}
    with_file(dir .. "file", "r", function(f)
      for chunk in f:chunks() do
        sizes[#sizes + 1], all[#all + 1] = #chunk, chunk
      end
    end)
    assert.same({ 65536, 65536, 65536, 65536, 57856 }, sizes)
    assert.equal(text, table.concat(all))
    with_file(dir .. "file", "r", function(f)
      all = {}
      for chunk in f:chunks(99999) do all[#all + 1] = chunk end
    end)
    assert.equal(4, #all)
    assert.equal(text, table.concat(all))
  end)

  it("has the other calls of streams", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "one\ntwo\nab--cd"), "r", function(f)
      assert.equal("one", f:read_line())
      assert.equal("two\nab--", f:read_until "--")
      local err = fails("IncompleteReadError", f.read_exactly, f, 5)
      assert.equal("cd", err.partial)
      assert.equal("the file ended after 2 of 5 bytes", err.message)
      f:seek("set", 4)
      assert.same({ "two", "ab--cd" }, weft.collect(f:lines()))
      f:seek("set", 0)
      assert.equal("on", f:read_exactly(2))
      assert.equal("e\ntwo\nab--cd", f:read_all())
    end)
  end)

  it("goes on in a buffer, to which no more than n are added", function()
    local dir = files.directory()
    local text = ("0123456789abcdef"):rep(20000)
    local buffer = string_buffer.new()
    with_file(put(dir .. "file", text), "r", function(f)
      assert.equal(3, f:read_into(buffer, 3))
      assert.equal(2, f:read_into(buffer, 2))
      assert.equal("01234", buffer:tostring())
      assert.equal("56", f:read(2))
      local size = 7
      repeat
        local count = f:read_into(buffer)
        assert.is_true(count == nil or count > 0 and count <= 131072)
        size = size + (count or 0)
        assert.equal(size, f:position())
      until not count
      assert.equal(#text, size)
      assert.equal("01234" .. text:sub(8), buffer:tostring())
      assert.is_nil(f:read_into(buffer, 1))
      put(dir .. "file", "more", "a")
      assert.equal(4, f:read_into(buffer:reset()))
      assert.equal("more", buffer:get())
    end)
  end)

  it("takes no buffer but LuaJIT's, and no n below 1", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "text"), "r", function(f)
      for _, wrong in ipairs { "text", 5, {}, io.stdout } do
        refuses({ "file:read_into(buffer, n): buffer must be one of "
          .. "string.buffer" }, f.read_into, f, wrong)
      end
      refuses({ "file:read_into(buffer, n): n must be a whole number" },
        f.read_into, f, string_buffer.new(), 0)
      assert.equal("text", f:read())
    end)
  end)

  it("has a limit for lines and separators", function()
    local dir = files.directory()
    put(dir .. "file", ("x"):rep(70000) .. "\nshort\n")
    with_file(dir .. "file", "r", function(f)
      local err = fails("LimitOverrunError", f.read_line, f)
      assert.equal(70000, err.consumed)
      assert.equal(70000, #f:read_line(100000))
      assert.equal("short", f:read_line())
      f:seek("set", 0)
      fails("LimitOverrunError", f.read_until, f, "\n", 69999)
      fails("LimitOverrunError", f:lines(5))
    end)
  end)

  it("looks for the end anew: what was added since is read", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "one"), "r", function(f)
      assert.equal("one", f:read())
      assert.is_nil(f:read())
      put(dir .. "file", "two", "a")
      assert.equal("two", f:read())
      assert.is_nil(f:read())
    end)
  end)

  it("gives what is there of a file that shrinks, then the end", function()
    local dir = files.directory()
    local size = 4 * 1024 * 1024
    with_file(put(dir .. "file", ("x"):rep(size)), "r", function(f)
      local count = #f:read()
      fs.truncate(dir .. "file", 100000)
      for chunk in f:chunks() do count = count + #chunk end
      assert.is_true(count >= 100000 and count < size)
      assert.is_nil(f:read())
    end)
  end)

  it("is the same whatever is read ahead, sought and written in between",
    function()
      local dir = files.directory()
      -- A model of the file is a string; steps are drawn by a generator.
      local state = 12345
      local function draw(n)
        state = (state * 1103515245 + 12345) % 2147483648
        return math.floor(state / 65536) % n
      end
      local model = ("abcdefghij"):rep(60000)
      put(dir .. "file", model)
      with_file(dir .. "file", "r+", function(f)
        local place = 0
        for _ = 1, 400 do
          local what = draw(6)
          if what < 3 then
            local n = draw(what == 0 and 300000 or 5000) + 1
            local expected = model:sub(place + 1, place + n)
            assert.equal(expected, f:read(n) or "")
            place = place + #expected
          elseif what == 3 then
            place = f:seek("set", draw(#model))
          elseif what == 4 then
            local text = ("%d"):format(draw(10)):rep(draw(3000))
            f:write(text)
            model = model:sub(1, place) .. text
              .. model:sub(place + #text + 1)
            place = place + #text
          else
            local at, text = draw(#model), ("!"):rep(draw(50))
            f:write_at(text, at)
            model = model:sub(1, at) .. text .. model:sub(at + #text + 1)
          end
          assert.equal(place, f:position())
        end
      end)
      assert.equal(model, get(dir .. "file"))
    end)

  it("anywhere moves nothing", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "0123456789"), "r", function(f)
      assert.equal("01", f:read(2))
      assert.equal("567", f:read_at(3, 5))
      assert.equal("9", f:read_at(3, 9))
      assert.equal("", f:read_at(3, 100))
      assert.equal("", f:read_at(0, 0))
      assert.equal("789", f:read_at(2 ^ 40, 7)) -- as much room is not made
      assert.equal("23", f:read(2))
    end)
  end)

  it("refuses what is no number, or a file only to be written", function()
    local dir = files.directory()
    with_file(dir .. "file", "w", function(f)
      for _, n in ipairs { 0, -1, 1.5, 0 / 0, "3" } do
        refuses({ "file:read(n)" }, f.read, f, n)
        refuses({ "file:chunks(n)" }, f.chunks, f, n)
      end
      refuses({ "file:read_at(n, offset): n" }, f.read_at, f, -1, 0)
      refuses({ "offset" }, f.read_at, f, 1, -1)
      refuses({ "offset" }, f.read_at, f, 1)
      refuses({ "file:read_until", "sep" }, f.read_until, f, "")
      refuses({ "limit" }, f.read_line, f, -1)
      local err = fails("InvalidStateError", f.read, f)
      assert.equal("read " .. dir .. "file: the file is not open for reading",
        err.message)
      for _, call in ipairs { "read_line", "read_all" } do
        fails("InvalidStateError", f[call], f)
      end
      fails("InvalidStateError", f.read_at, f, 1, 0)
    end)
  end)
end)

-- -- Writing -----------------------------------------------------------------

describe("writing a file", function()
  it("takes strings and numbers, one after the other", function()
    local dir = files.directory()
    with_file(dir .. "file", "w", function(f)
      f:write "one"
      f:write(" ", 2, " ", "three")
      f:write ""
      f:write_at("ONE", 0)
      assert.equal(11, f:position())
      f:sync()
      f:sync { data = true }
    end)
    assert.equal("ONE 2 three", get(dir .. "file"))
  end)

  it("refuses what is neither, or a file only to be read", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "old"), "r", function(f)
      refuses({ "argument 2 must be a string", "nil" }, f.write, f, "x", nil)
      refuses({ "argument 1 must be a string", "a weft.File" }, f.write, f, f)
      refuses({ "file:write_at(s, offset): s" }, f.write_at, f, nil, 0)
      refuses({ "offset" }, f.write_at, f, "x", -1)
      refuses({ "no option 'all'" }, f.sync, f, { all = true })
      local err = fails("InvalidStateError", f.write, f, "x")
      assert.is_truthy(err.message:find("not open for writing", 1, true))
      fails("InvalidStateError", f.write_at, f, "x", 0)
      fails("InvalidStateError", f.truncate, f, 0)
    end)
    assert.equal("old", get(dir .. "file"))
  end)

  it("tells how much was written where there was no room", function()
    local dir = files.directory()
    local may = files.with_disk(dir, 65536, function(disk)
      with_file(disk .. "file", "w", function(f)
        local err = os_error("ENOSPC", f.write, f, ("x"):rep(100000))
        assert.equal(65536, err.written)
        assert.equal(("write %sfile: no space left on the device (ENOSPC); "
          .. "65536 of 100000 bytes were written"):format(disk), err.message)
        assert.equal(65536, f:position())
        f:truncate(0)
        f:seek("set", 0)
        f:write "goes on"
      end)
      assert.equal("goes on", get(disk .. "file"))
    end)
    if may then return end
    with_file("/dev/full", "w", function(f) -- not root
      assert.equal(0, os_error("ENOSPC", f.write, f, "x").written)
    end)
  end)

  it("appends behind whatever others have written", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "start"), "a", function(f)
      f:write "+1"
      put(dir .. "file", "+2", "a")
      f:write "+3"
      os_error("ESPIPE", f.write_at, f, "x", 0)
    end)
    assert.equal("start+1+2+3", get(dir .. "file"))
  end)

  it("truncates to a size, or where the position is", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "0123456789"), "r+", function(f)
      f:truncate(8)
      assert.equal("012", f:read(3))
      f:truncate()
      assert.equal("012", get(dir .. "file"))
      assert.equal(3, f:stat().size)
      refuses({ "offset" }, f.truncate, f, -1)
    end)
  end)
end)

describe("positions", function()
  it("are sought as Lua's own files do", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "0123456789"), "r", function(f)
      assert.equal(0, f:seek())
      assert.equal(10, f:seek "end")
      assert.equal(8, f:seek("end", -2))
      assert.equal("8", f:read(1))
      assert.equal(5, f:seek("cur", -4))
      assert.equal("5", f:read(1))
      assert.equal(0, f:seek "set")
      assert.equal(100, f:seek("set", 100))
      assert.is_nil(f:read())
      assert.equal(100, f:position())
    end)
  end)

  it("are refused before the beginning, or of a pipe", function()
    local dir = files.directory()
    with_file(put(dir .. "file", "0123456789"), "r", function(f)
      refuses({ "before the beginning" }, f.seek, f, "set", -1)
      refuses({ "before the beginning" }, f.seek, f, "cur", -1)
      refuses({ "before the beginning" }, f.seek, f, "end", -11)
      refuses({ 'whence must be "set", "cur" or "end"', '"begin"' }, f.seek, f,
        "begin")
      refuses({ "offset" }, f.seek, f, "set", 1.5)
      refuses({ "offset" }, f.seek, f, "set", "1")
    end)
    local writer = io.open(files.mkfifo(dir .. "fifo"), "r+")
    with_file(dir .. "fifo", "r", function(f)
      os_error("ESPIPE", f.seek, f, "set", 0)
    end)
    writer:close()
  end)
end)

-- -- One at a time -----------------------------------------------------------

-- A file whose reads wait until something is written to the other end.
local function with_slow_file(dir, fn)
  local path = files.mkfifo(dir .. "slow")
  local other = io.open(path, "r+")
  other:setvbuf "no"
  local file = fs.open(path)
  fn(file, other)
  file:close()
  other:close()
end

describe("an operation under way", function()
  it("makes others busy and is not disturbed [27.3]", function()
    local dir = files.directory()
    with_slow_file(dir, function(file, other)
      local task = loopback.parked(file.read, file)
      for _, call in ipairs { "read", "read_line", "sync", "stat", "lock" } do
        local err = fails("BusyError", file[call], file)
        if call == "sync" then
          assert.is_truthy(err.message:find("another operation", 1, true))
        end
      end
      other:write "text"
      assert.equal("text", task:await())
    end)
  end)

  it("is kept when its task is cancelled, and delivers [3.8, 27.3]", function()
    local dir = files.directory()
    with_slow_file(dir, function(file, other)
      local got, later
      local task = loopback.parked(function()
        got = file:read(4)
        later = pcall(weft.checkpoint)
      end)
      files.await_blocked(1, "read")
      task:cancel()
      loopback.settle()
      assert.is_false(task:done())
      other:write "text"
      weft.wait { task }
      assert.equal("text", got)
      assert.is_false(later)
    end)
  end)

  it("is waited for by close [27.3]", function()
    local dir = files.directory()
    with_slow_file(dir, function(file, other)
      local task = loopback.parked(file.read, file)
      files.await_blocked(1, "read")
      local closer = loopback.parked(file.close, file)
      other:write "text"
      fails("ClosedError", task.await, task)
      closer:await()
    end)
  end)

  it("that is over gets its bytes, though another closes the file [3.4]",
    function()
      local file = fs.open(put(files.directory() .. "file", "text"))
      local task = weft.spawn(file.read_all, file)
      weft.yield()
      while not tostring(task):find "ready" do weft.yield() end
      file:close()
      assert.equal("text", task:await())
      fails("ClosedError", file.read, file)
    end)

  it("that has not begun is taken back by a timeout [3.8]", function()
    local dir = files.directory()
    put(dir .. "file", "text")
    local file = fs.open(dir .. "file", "r+")
    files.with_busy_threads(dir, function()
      fails("TimeoutError", weft.timeout, 0.001, function()
        file:write "never"
      end)
      fails("TimeoutError", weft.timeout, 0.001, function()
        file:read()
      end)
    end)
    assert.equal("text", file:read())
    file:close()
    assert.equal("text", get(dir .. "file"))
  end)
end)

-- -- Closing -----------------------------------------------------------------

describe("closing a file", function()
  it("is for good, and more than once is fine", function()
    local dir = files.directory()
    local file = fs.open(put(dir .. "file", "x"), "r+")
    assert.is_false(file:closed())
    file:close()
    file:close()
    assert.is_true(file:closed())
    for _, call in ipairs { "read", "read_line", "read_all", "position", "sync",
      "stat", "seek", "lock", "unlock" } do
      local err = fails("ClosedError", file[call], file)
      assert.is_truthy(err.message:find(dir .. "file: the file is closed", 1,
        true), call .. ": " .. err.message)
    end
    fails("ClosedError", file.write, file, "x")
    fails("ClosedError", file.truncate, file, 0)
    fails("ClosedError", file.read_at, file, 1, 0)
    weft.scope(function(scope)
      scope:cancel()
      fails("CancelledError", file.read, file)
      file:close()
    end)
  end)

  it("is no cancellation point [3.7]", function()
    local dir = files.directory()
    local file = fs.open(put(dir .. "file", "x"))
    weft.scope(function(scope)
      scope:cancel()
      file:close()
    end)
    assert.is_true(file:closed())
  end)

  it("happens on every way out of a with [13.1]", function()
    local dir = files.directory()
    local file
    helper.error_of(with_file, put(dir .. "file", "x"), "r", function(f)
      file = f
      error("failed", 0)
    end)
    assert.is_true(file:closed())
  end)

  it("is done and reported for one that was collected open [25.12]", function()
    local dir = files.directory()
    weft.debug { sites = false }
    local before = loopback.descriptors()
    fs.open(put(dir .. "file", "x"))
    collectgarbage()
    collectgarbage()
    while loopback.descriptors() > before do weft.yield() end
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.is_truthy(reports[1].err.message:find("the file " .. dir
      .. "file; close it", 1, true))
  end)

  it("is done by the end of the run for one that is still open",
    testing.plain(function()
      local path, kept = os.tmpname(), nil
      -- libuv keeps a few descriptors for all runtimes to come.
      weft.run(function() fs.exists "/" end)
      local before = loopback.descriptors()
      weft.run(function() kept = fs.open(path) end)
      assert.equal(before, (loopback.descriptors()))
      assert.is_true(kept:closed())
      os.remove(path)
    end))
end)

-- -- Locks -------------------------------------------------------------------

describe("file:lock", function()
  local function with_two(dir, fn)
    put(dir .. "file", "x")
    local one, two = fs.open(dir .. "file"), fs.open(dir .. "file")
    fn(one, two)
    one:close()
    two:close()
  end

  it("excludes others; shared, those who do not share", function()
    local dir = files.directory()
    with_two(dir, function(one, two)
      assert.is_true(one:lock())
      assert.is_false(two:lock { wait = false })
      assert.is_false(two:lock { wait = false, shared = true })
      one:unlock()
      assert.is_true(two:lock { shared = true })
      assert.is_true(one:lock { shared = true, wait = false })
      assert.is_false(one:lock { wait = false })
      refuses({ "no option 'timeout'" }, one.lock, one, { timeout = 1 })
      refuses({ "wait", "true or false" }, one.lock, one, { wait = 1 })
    end)
  end)

  it("waits until it is given back, or the other file is closed",
    testing.virtual(function()
      local dir = files.directory()
      with_two(dir, function(one, two)
        one:lock()
        local task = loopback.parked(two.lock, two)
        weft.sleep(1)
        assert.is_false(task:done())
        one:close()
        assert.is_true(task:await())
      end)
    end))

  it("can be cancelled, and timed out, and waits again",
    testing.virtual(function()
      local dir = files.directory()
      with_two(dir, function(one, two)
        one:lock()
        loopback.assert_cancelled(loopback.parked(two.lock, two))
        fails("TimeoutError", weft.timeout, 5, function() two:lock() end)
        one:unlock()
        assert.is_true(two:lock())
      end)
    end))

  it("gets ClosedError if its own file is closed", testing.virtual(function()
    local dir = files.directory()
    with_two(dir, function(one, two)
      one:lock()
      local task = loopback.parked(two.lock, two)
      weft.sleep(1)
      two:close()
      fails("ClosedError", task.await, task)
    end)
  end))

  it("holds no thread while it waits [24.4]", testing.virtual(function()
    local dir = files.directory()
    put(dir .. "file", "x")
    local owner = fs.open(dir .. "file")
    owner:lock()
    local waiting = {}
    for i = 1, 10 do
      local file = fs.open(dir .. "file")
      waiting[i] = weft.spawn(weft.with, file, function() file:lock() end)
    end
    weft.sleep(1)
    assert.equal("x", fs.read_file(dir .. "file")) -- threads are free
    owner:close()
    weft.gather(waiting)
  end))
end)

-- -- Lines of a path ---------------------------------------------------------

describe("fs.lines", function()
  it("gives the lines and closes at the end [27.5]", function()
    local dir = files.directory()
    put(dir .. "file", "one\n\nthree")
    local before = loopback.descriptors()
    local lines = fs.lines(dir .. "file")
    assert.same({ "one", "", "three" }, weft.collect(lines))
    assert.equal(before, loopback.descriptors())
    assert.is_nil(lines:next())
    lines:close()
  end)

  it("is closed with its scope when it is left early [27.5, 14.7]", function()
    local dir = files.directory()
    put(dir .. "file", "one\ntwo\n")
    local before = loopback.descriptors()
    weft.scope(function()
      for line in fs.lines(dir .. "file") do -- luacheck: ignore 512
        assert.equal("one", line)
        break
      end
      assert.equal(before + 1, loopback.descriptors())
    end)
    assert.equal(before, loopback.descriptors())
    weft.group(function(g)
      g:spawn(function()
        for _ in fs.lines(dir .. "file") do break end -- luacheck: ignore 512
      end)
    end)
    assert.equal(before, loopback.descriptors())
    weft.closing(fs.lines(dir .. "file"), function(lines)
      assert.equal("one", lines:next())
    end)
    assert.equal(before, loopback.descriptors())
  end)

  it("is closed when its task fails or is cancelled [27.5]", function()
    local dir = files.directory()
    put(dir .. "file", "one\ntwo\n")
    local before = loopback.descriptors()
    local task = loopback.parked(function()
      for _ in fs.lines(dir .. "file") do weft.sleep_forever() end
    end)
    while loopback.descriptors() == before do weft.yield() end
    loopback.assert_cancelled(task)
    assert.equal(before, loopback.descriptors())
  end)

  it("has a limit for each line", function()
    local dir = files.directory()
    put(dir .. "file", "short\n" .. ("x"):rep(70000) .. "\n")
    weft.scope(function()
      local lines = fs.lines(dir .. "file")
      assert.equal("short", lines:next())
      fails("LimitOverrunError", lines.next, lines)
    end)
    assert.equal(2, #weft.collect(fs.lines(dir .. "file", { limit = 70000 })))
    refuses({ "limit" }, fs.lines, dir .. "file", { limit = -1 })
  end)

  it("raises at the call what cannot be opened", function()
    local dir = files.directory()
    os_error("ENOENT", fs.lines, dir .. "none")
    os_error("EISDIR", fs.lines, dir)
  end)

  it("reads a large file in a row", function()
    local dir = files.directory()
    local expected = 0
    local file = io.open(dir .. "file", "w")
    for i = 1, 200000 do
      file:write("line ", i, "\n")
      expected = expected + i
    end
    file:close()
    local sum, count = 0, 0
    for line in fs.lines(dir .. "file") do
      count = count + 1
      sum = sum + tonumber(line:match "%d+")
    end
    assert.equal(200000, count)
    assert.equal(expected, sum)
  end)
end)
