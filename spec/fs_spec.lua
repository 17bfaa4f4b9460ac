-- Files and directories by their paths.
local ffi = require "ffi"
local lfs = require "lfs"
local weft = require "weft"
local testing = require "weft.testing"
local files = require "spec.files"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local fs = weft.fs
local put, get, names = files.put, files.get, files.names
local fails, refuses = helper.fails, helper.refuses

local function os_error(code, fn, ...)
  local err = fails("OSError", fn, ...)
  assert.equal(code, err.code)
  return err
end

-- -- All calls ---------------------------------------------------------------

-- Each waits for a thread. What it does, and whether that has happened.
local calls = {
  read_file = { function(dir) return fs.read_file(dir .. "file") end },
  write_file = { function(dir) fs.write_file(dir .. "file", "new") end,
    function(dir) return get(dir .. "file") == "new" end },
  write_file_atomic = {
    function(dir) fs.write_file(dir .. "file", "new", { atomic = true }) end,
    function(dir) return get(dir .. "file") == "new" end },
  copy_file = { function(dir) fs.copy_file(dir .. "file", dir .. "copy") end,
    function(dir) return get(dir .. "copy") ~= nil end },
  open = { function(dir) fs.open(dir .. "made", "w"):close() end,
    function(dir) return get(dir .. "made") ~= nil end },
  lines = { function(dir) fs.lines(dir .. "file"):close() end },
  stat = { function(dir) return fs.stat(dir .. "file") end },
  lstat = { function(dir) return fs.lstat(dir .. "file") end },
  exists = { function(dir) return fs.exists(dir .. "file") end },
  access = { function(dir) return fs.access(dir .. "file") end },
  remove = { function(dir) fs.remove(dir .. "file") end,
    function(dir) return get(dir .. "file") == nil end },
  remove_all = { function(dir) fs.remove_all(dir .. "file") end,
    function(dir) return get(dir .. "file") == nil end },
  rename = { function(dir) fs.rename(dir .. "file", dir .. "moved") end,
    function(dir) return get(dir .. "moved") ~= nil end },
  link = { function(dir) fs.link(dir .. "file", dir .. "twin") end,
    function(dir) return get(dir .. "twin") ~= nil end },
  symlink = { function(dir) fs.symlink("file", dir .. "link") end,
    function(dir) return get(dir .. "link") ~= nil end },
  readlink = { function(dir) return fs.readlink(dir .. "there") end },
  realpath = { function(dir) return fs.realpath(dir .. "file") end },
  chmod = { function(dir) fs.chmod(dir .. "file", "711") end,
    function(dir)
      return lfs.attributes(dir .. "file").permissions == "rwx--x--x"
    end },
  utime = { function(dir) fs.utime(dir .. "file", 1, 2) end,
    function(dir) return lfs.attributes(dir .. "file").modification == 2 end },
  truncate = { function(dir) fs.truncate(dir .. "file", 1) end,
    function(dir) return #get(dir .. "file") == 1 end },
  mkdir = { function(dir) fs.mkdir(dir .. "new") end,
    function(dir) return lfs.attributes(dir .. "new") ~= nil end },
  mkdtemp = { function(dir) fs.mkdtemp(dir .. "temp") end,
    function(dir) return #names(dir) > 2 end },
  readdir = { function(dir) return fs.readdir(dir) end },
}

local function prepare(dir)
  put(dir .. "file", "old")
  assert(lfs.link("file", dir .. "there", true))
end

for name, case in pairs(calls) do
  local call, has_happened = case[1], case[2] or function() return false end

  describe("fs." .. name, function()
    it("parks until it is done", function()
      local dir = files.directory()
      prepare(dir)
      local others = 0
      local task = weft.spawn(function()
        for _ = 1, 10 do
          others = others + 1
          weft.yield()
        end
      end)
      call(dir)
      assert.is_true(others > 0) -- they ran meanwhile
      assert.equal(case[2] ~= nil, has_happened(dir))
      task:await()
    end)

    it("has not happened if it is cancelled before it begins [3.8]", function()
      local dir = files.directory()
      prepare(dir)
      files.with_busy_threads(dir, function()
        local task = loopback.parked(call, dir)
        loopback.assert_cancelled(task)
        assert.is_false(name ~= "mkdtemp" and has_happened(dir))
      end)
      assert.is_false(has_happened(dir))
    end)

    it("is a cancellation point [3.2]", function()
      local dir = files.directory()
      prepare(dir)
      weft.scope(function(scope)
        scope:cancel()
        fails("CancelledError", call, dir)
      end)
      assert.is_false(has_happened(dir))
    end)

    it("needs a runtime and a task", testing.plain(function()
      local err = fails("InvalidStateError", call, "/nowhere/")
      assert.is_truthy(err.message:find("needs a runtime", 1, true))
    end))
  end)
end

describe("a path", function()
  it("is a string that is not empty, without a zero byte", function()
    local takes_path = { "read_file", "write_file", "open", "lines", "stat",
      "lstat", "exists", "is_file", "is_directory", "access", "remove",
      "remove_all", "readlink", "realpath", "chmod", "utime", "mkdir",
      "mkdtemp", "readdir", "walk", "truncate", "watch", "copy_file", "rename",
      "link", "symlink", "tempdir" }
    for _, name in ipairs(takes_path) do
      refuses({ "fs." .. name, "must not be empty" }, fs[name], "", "x", 1)
      refuses({ "fs." .. name, "zero byte" }, fs[name], "a\0b", "x", 1)
      refuses({ "fs." .. name, "must be a string, got a" }, fs[name],
        weft.event(), "x", 1)
    end
    for _, name in ipairs { "copy_file", "rename", "link", "symlink" } do
      refuses({ "fs." .. name, "must not be empty" }, fs[name], "x", "")
    end
  end)

  it("is named in what goes wrong, with what was attempted", function()
    local dir = files.directory()
    local err = os_error("ENOENT", fs.open, dir .. "none")
    assert.equal("open " .. dir .. "none: no such file or directory (ENOENT)",
      err.message)
    err = os_error("ENOENT", fs.rename, dir .. "one", dir .. "two")
    assert.equal(("rename %sone to %stwo: no such file or directory (ENOENT)")
      :format(dir, dir), err.message)
    os_error("EISDIR", fs.read_file, dir)
    os_error("ENOTDIR", fs.readdir, put(dir .. "file", ""))
    os_error("ENAMETOOLONG", fs.stat, dir .. ("x"):rep(300))
  end)
end)

-- -- Whole files -------------------------------------------------------------

describe("fs.read_file", function()
  it("reads any bytes, any number of them", function()
    local dir = files.directory()
    for _, size in ipairs { 0, 1, 65536, 1000000 } do
      local text = ("a\0\n\255"):rep(size / 4 + 1):sub(1, size)
      assert.equal(text, fs.read_file(put(dir .. "file", text)))
    end
    assert.is_truthy(fs.read_file("/proc/self/status"):find "^Name:")
  end)

  it("refuses more than its limit", function()
    local dir = files.directory()
    put(dir .. "file", "12345")
    assert.equal("12345", fs.read_file(dir .. "file", { limit = 5 }))
    local err = fails("LimitOverrunError", fs.read_file, dir .. "file",
      { limit = 4 })
    assert.is_truthy(err.message:find("more than 4 bytes", 1, true))
    refuses({ "limit", "at least 0" }, fs.read_file, dir .. "file",
      { limit = -1 })
    refuses({ "no option 'max'", "limit" }, fs.read_file, dir .. "file",
      { max = 1 })
  end)

  it("reads 2,000 files at once with few descriptors [24.4]", function()
    local dir = files.directory()
    local paths, text = {}, ("x"):rep(4096)
    for i = 1, 2000 do paths[i] = put(dir .. i, i .. text) end
    local before, highest = loopback.descriptors(), 0
    local jobs = {}
    for i, path in ipairs(paths) do
      jobs[i] = function()
        local read = fs.read_file(path)
        if i % 50 == 0 then
          highest = math.max(highest, (loopback.descriptors()))
        end
        return read
      end
    end
    local texts = weft.gather(jobs)
    for i = 1, 2000 do assert.equal(i .. text, texts[i]) end
    -- Three threads; to count takes one as well.
    assert.is_true(highest <= before + files.THREADS + 1,
      highest .. " after " .. before)
  end)

  it("reads 2,000 files where 40 descriptors are all there are #emfile",
    function()
      local dir = files.directory()
      local paths = {}
      for i = 1, 2000 do paths[i] = put(dir .. i, tostring(i)) end
      local before = loopback.limit_descriptors(40)
      local ok, texts = pcall(weft.map, paths, function(path)
        local text = fs.read_file(path)
        fs.write_file(path, text .. "!", { atomic = text % 100 == 0 })
        return fs.read_file(path)
      end)
      loopback.limit_descriptors(before)
      assert.is_true(ok, tostring(texts))
      for i = 1, 2000 do assert.equal(i .. "!", texts[i]) end
    end)

  it("says clearly that no descriptor is left #emfile", function()
    local dir = files.directory()
    put(dir .. "file", "x")
    local count, highest = loopback.descriptors()
    local before = loopback.limit_descriptors(highest + 1)
    local held = {}
    repeat held[#held + 1] = io.open "/dev/null" until not io.open "/dev/null"
    local ok, err = pcall(fs.read_file, dir .. "file")
    for _, file in ipairs(held) do file:close() end
    loopback.limit_descriptors(before)
    collectgarbage()
    assert.is_false(ok)
    assert.equal("EMFILE", err.code)
    assert.is_truthy(err.message:find("too many files are open", 1, true))
    assert.is_true(count > 0)
  end)
end)

describe("fs.write_file", function()
  it("makes, empties, adds to or refuses what is there", function()
    local dir = files.directory()
    local path = dir .. "file"
    fs.write_file(path, "a long text")
    fs.write_file(path, "short")
    assert.equal("short", get(path))
    fs.write_file(path, "er", { append = true, sync = true })
    assert.equal("shorter", get(path))
    os_error("EEXIST", fs.write_file, path, "x", { exclusive = true })
    fs.write_file(dir .. "new", "x", { exclusive = true })
    assert.equal("x", get(dir .. "new"))
  end)

  it("refuses what is no string, and options that exclude each other",
    function()
      local dir = files.directory()
      refuses({ "data must be a string", "nil" }, fs.write_file, dir .. "x")
      refuses({ "data must be a string", "number 5" }, fs.write_file,
        dir .. "x", 5)
      refuses({ "atomic and append" }, fs.write_file, dir .. "x", "",
        { atomic = true, append = true })
      refuses({ "atomic and exclusive" }, fs.write_file, dir .. "x", "",
        { atomic = true, exclusive = true })
      refuses({ "no option 'atomc'" }, fs.write_file, dir .. "x", "",
        { atomc = true })
      assert.same({}, names(dir))
    end)

  it("replaces atomically: permissions stay, no other file is left [27.4]",
    function()
      local dir = files.directory()
      local path = put(dir .. "file", "old")
      fs.chmod(path, "604")
      local before = lfs.attributes(path)
      fs.write_file(path, "new", { atomic = true })
      local after = lfs.attributes(path)
      assert.equal("new", get(path))
      assert.equal("rw----r--", after.permissions)
      assert.not_equal(before.ino, after.ino)
      assert.same({ "file" }, names(dir))
    end)

  it("leaves the old content where there is no room [27.4]", function()
    local dir = files.directory()
    local may = files.with_disk(dir, 65536, function(disk)
      put(disk .. "file", "old")
      local err = os_error("ENOSPC", fs.write_file, disk .. "file",
        ("x"):rep(1000000), { atomic = true })
      assert.is_true(err.written > 0 and err.written <= 65536)
      assert.is_truthy(err.message:find("; " .. err.written
        .. " of 1000000 bytes were written", 1, true), err.message)
      assert.equal("old", get(disk .. "file"))
      assert.same({ "file" }, names(disk))
    end)
    if not may then -- not root: a device without room will have to do
      os_error("ENOSPC", fs.write_file, "/dev/full", "x")
    end
  end)

  it("leaves the old content on a read-only file system [27.4]", function()
    local dir = files.directory()
    local may = files.with_disk(dir, 65536, function(disk, make_read_only)
      put(disk .. "file", "old")
      make_read_only()
      os_error("EROFS", fs.write_file, disk .. "file", "new",
        { atomic = true })
      os_error("EROFS", fs.write_file, disk .. "file", "new")
      os_error("EROFS", fs.mkdir, disk .. "new")
      os_error("EROFS", fs.remove, disk .. "file")
      assert.is_false(fs.access(disk .. "file", "w"))
      assert.equal("old", get(disk .. "file"))
    end)
    if not may then os_error("EACCES", fs.write_file, "/proc/x", "") end
  end)

  it("is kept once it has begun: all is written [3.8, 27.4]", function()
    local dir = files.directory()
    local path = files.mkfifo(dir .. "fifo")
    local task = weft.spawn(fs.write_file, path, "text")
    files.await_blocked(1)
    task:cancel()
    loopback.settle()
    assert.is_false(task:done())
    local reader = io.open(path, "r+")
    task:await() -- without Cancelled: nothing parked after it
    assert.equal("text", reader:read(4))
    reader:close()
  end)
end)

describe("fs.copy_file", function()
  it("copies bytes and permissions, and replaces", function()
    local dir = files.directory()
    local text = ("0123456789"):rep(50000)
    put(dir .. "from", text)
    put(dir .. "to", "old")
    fs.chmod(dir .. "from", "711")
    fs.copy_file(dir .. "from", dir .. "to")
    assert.equal(text, get(dir .. "to"))
    assert.equal("rwx--x--x", lfs.attributes(dir .. "to").permissions)
    os_error("EEXIST", fs.copy_file, dir .. "from", dir .. "to",
      { exclusive = true })
    assert.same({ "from", "to" }, names(dir))
  end)
end)

-- -- What is known -----------------------------------------------------------

describe("fs.stat", function()
  it("tells type, size, permissions and times", function()
    local dir = files.directory()
    local path = put(dir .. "file", "12345")
    fs.chmod(path, 416) -- 0640
    fs.utime(path, 1000.5, 2000.25)
    local info = fs.stat(path)
    assert.equal("file", info.type)
    assert.equal(5, info.size)
    assert.equal(416, info.mode)
    assert.equal(1000.5, info.atime)
    assert.equal(2000.25, info.mtime)
    for _, field in ipairs { "uid", "gid", "nlink", "ino", "dev", "rdev",
      "blksize", "blocks", "ctime", "birthtime" } do
      assert.equal("number", type(info[field]), field)
    end
    assert.is_nil(info.mtime_ns)
    assert.is_true(math.abs(info.ctime - os.time()) < 100)
  end)

  it("follows links, which lstat does not", function()
    local dir = files.directory()
    put(dir .. "file", "x")
    fs.symlink("file", dir .. "link")
    assert.equal("file", fs.stat(dir .. "link").type)
    assert.equal("link", fs.lstat(dir .. "link").type)
    assert.equal("file", fs.readlink(dir .. "link"))
  end)

  it("knows what is there, and of what type", function()
    local dir, directory = files.directory()
    put(dir .. "file", "x")
    fs.symlink("nowhere", dir .. "loose")
    assert.is_true(fs.exists(dir .. "file"))
    assert.is_false(fs.exists(dir .. "none"))
    assert.is_false(fs.exists(dir .. "file/below"))
    assert.is_false(fs.exists(dir .. "loose"))
    assert.is_true(fs.is_file(dir .. "file"))
    assert.is_false(fs.is_file(directory))
    assert.is_true(fs.is_directory(directory))
    assert.is_false(fs.is_directory(dir .. "none"))
    os_error("ENAMETOOLONG", fs.exists, dir .. ("x"):rep(300))
  end)

  it("knows what the process may do", function()
    local dir = files.directory()
    put(dir .. "file", "x")
    assert.is_true(fs.access(dir .. "file"))
    assert.is_true(fs.access(dir .. "file", "rw"))
    assert.is_false(fs.access(dir .. "file", "x"))
    fs.chmod(dir .. "file", "0755")
    assert.is_true(fs.access(dir .. "file", "rwx"))
    assert.is_false(fs.access(dir .. "none"))
    refuses({ "rights", '"r", "w" and "x"' }, fs.access, dir, "q")
    refuses({ "rights" }, fs.access, dir, "")
  end)
end)

-- -- Changing ----------------------------------------------------------------

describe("changing", function()
  it("renames, links, makes absolute", function()
    local dir = files.directory()
    put(dir .. "one", "1")
    fs.rename(dir .. "one", dir .. "two")
    fs.link(dir .. "two", dir .. "twin")
    assert.equal("1", get(dir .. "twin"))
    assert.equal(dir .. "two", fs.realpath(dir .. "./two"))
    fs.truncate(dir .. "two", 3)
    assert.equal("1\0\0", get(dir .. "twin"))
    refuses({ "fs.truncate(path, size): size" }, fs.truncate, dir .. "two", -1)
    refuses({ "size" }, fs.truncate, dir .. "two")
  end)

  it("refuses permissions and times that are none", function()
    local dir = files.directory()
    put(dir .. "file", "1")
    for _, bad in ipairs { -1, 4096, 1.5, "8", "rwx", "", true } do
      refuses({ "permissions", 'octal, as "644"' }, fs.chmod, dir .. "file",
        bad)
    end
    refuses({ "permissions" }, fs.chmod, dir .. "file")
    refuses({ "atime", "NaN" }, function()
      local ok, err = pcall(fs.utime, dir .. "file", 0 / 0, 0)
      error(ok or weft.ArgumentError((err.message:gsub("%-?nan", "NaN"))), 0)
    end)
    refuses({ "mtime" }, fs.utime, dir .. "file", 0, "x")
  end)

  it("removes one thing, or all below it, but follows no link", function()
    local dir = files.directory()
    fs.mkdir(dir .. "kept")
    put(dir .. "kept/file", "kept")
    fs.mkdir(dir .. "tree/a/b", { parents = true })
    put(dir .. "tree/a/b/file", "x")
    fs.symlink("../kept", dir .. "tree/link")
    os_error("ENOTEMPTY", fs.remove, dir .. "tree")
    fs.remove_all(dir .. "tree")
    assert.same({ "kept" }, names(dir))
    assert.equal("kept", get(dir .. "kept/file"))
    os_error("ENOENT", fs.remove_all, dir .. "tree")
    os_error("ENOENT", fs.remove, dir .. "tree")
  end)
end)

-- -- Directories -------------------------------------------------------------

describe("directories", function()
  it("are made, with those above them, with permissions", function()
    local dir = files.directory()
    local mask = ffi.C.umask(18) -- 022
    fs.mkdir(dir .. "a/b", { parents = true, permissions = "0750" })
    ffi.C.umask(mask)
    fs.mkdir(dir .. "a/b", { parents = true })
    assert.equal("rwxr-x---", lfs.attributes(dir .. "a/b").permissions)
    assert.equal("rwxr-xr-x", lfs.attributes(dir .. "a").permissions)
    os_error("EEXIST", fs.mkdir, dir .. "a")
    os_error("ENOENT", fs.mkdir, dir .. "x/y")
    refuses({ "permissions" }, fs.mkdir, dir .. "z", { permissions = "9" })
  end)

  it("are listed by the bytes of their names, with types", function()
    local dir = files.directory()
    put(dir .. "b", "")
    put(dir .. "B", "")
    fs.mkdir(dir .. "a")
    fs.symlink("x", dir .. "link")
    local list, types = fs.readdir(dir)
    assert.same({ "B", "a", "b", "link" }, list)
    assert.same({ B = "file", a = "directory", b = "file", link = "link" },
      types)
    assert.same({}, (fs.readdir(dir .. "a")))
  end)

  it("are made for a while, and removed with all in them", function()
    local dir = files.directory()
    local path
    local result = weft.with(fs.tempdir(dir .. "temp-"), function(name)
      path = name
      assert.equal(dir .. "temp-", name:sub(1, -7))
      put(name .. "/file", "x")
      fs.mkdir(name .. "/a/b", { parents = true })
      return "result"
    end)
    assert.equal("result", result)
    assert.is_false(fs.exists(path))
    local err = helper.error_of(weft.with, fs.tempdir(dir .. "temp-"),
      function() error("failed", 0) end)
    assert.equal("failed", err)
    assert.same({}, names(dir))
  end)

  it("are removed also when the task is cancelled [12.1]", function()
    local dir = files.directory()
    local task = loopback.parked(function()
      weft.with(fs.tempdir(dir .. "temp-"), function(name)
        put(name .. "/file", "x")
        weft.sleep_forever()
      end)
    end)
    while #names(dir) == 0 or #names(dir .. names(dir)[1]) == 0 do
      weft.yield()
    end
    loopback.assert_cancelled(task)
    assert.same({}, names(dir))
  end)

  it("that somebody else has removed do not matter then", function()
    local dir = files.directory()
    weft.with(fs.tempdir(dir .. "temp-"), function(name)
      fs.remove(name)
    end)
    assert.same({}, names(dir))
  end)

  it("for a while are in $TMPDIR or /tmp by default", function()
    local name = fs.mkdtemp()
    local where = (os.getenv "TMPDIR" or "/tmp") .. "/weft-"
    assert.equal(where, name:sub(1, #where))
    assert.equal("rwx------", lfs.attributes(name).permissions)
    fs.remove(name)
  end)
end)
