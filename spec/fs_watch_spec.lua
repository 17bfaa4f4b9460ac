-- Watching files for changes. A change is in the kernel when the call that made
-- it has returned, so the next one that is asked for is it.
local lfs = require "lfs"
local weft = require "weft"
local testing = require "weft.testing"
local files = require "spec.files"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local fs = weft.fs
local put = files.put

describe("fs.watch", function()
  it("tells what happens in a directory, in its order [27.5]", function()
    local dir, directory = files.directory()
    local watch = fs.watch(directory)
    assert(lfs.mkdir(dir .. "new"))
    os.rename(dir .. "new", dir .. "moved")
    assert(lfs.rmdir(dir .. "moved"))
    local list = {}
    for change in watch do
      list[#list + 1] = change.kind .. " " .. change.path
      if #list == 4 then watch:close() end
    end
    assert.same({ "rename " .. dir .. "new", "rename " .. dir .. "new",
      "rename " .. dir .. "moved", "rename " .. dir .. "moved" }, list)
  end)

  it("tells what happens to a file", function()
    local dir = files.directory()
    local path = put(dir .. "file", "x")
    local watch = fs.watch(path)
    put(path, "y", "a")
    local change = watch:next()
    assert.equal("change", change.kind)
    assert.equal(path, change.path)
    watch:close()
  end)

  it("waits for the next change", function()
    local dir, directory = files.directory()
    local watch = fs.watch(directory)
    local task = loopback.parked(watch.next, watch)
    assert(lfs.mkdir(dir .. "new"))
    assert.equal(dir .. "new", task:await().path)
    watch:close()
  end)

  it("loses none when it is cancelled, or its time is up", function()
    local dir, directory = files.directory()
    local watch = fs.watch(directory)
    loopback.assert_cancelled(loopback.parked(watch.next, watch))
    helper.fails("TimeoutError", weft.timeout, 0.001, function()
      watch:next()
    end)
    assert(lfs.mkdir(dir .. "new"))
    loopback.settle()
    weft.scope(function(scope)
      scope:cancel()
      helper.fails("CancelledError", watch.next, watch)
    end)
    assert.equal(dir .. "new", watch:next().path)
    watch:close()
  end)

  it("ends for who waits when it is closed", function()
    local _, directory = files.directory()
    local watch = fs.watch(directory)
    local task = loopback.parked(watch.next, watch)
    watch:close()
    watch:close()
    assert.is_nil((task:await()))
    assert.is_nil(watch:next())
  end)

  it("is for one task at a time", function()
    local dir, directory = files.directory()
    local watch = fs.watch(directory)
    local task = loopback.parked(watch.next, watch)
    local err = helper.fails("BusyError", watch.next, watch)
    assert.is_truthy(err.message:find("another task waits", 1, true))
    assert(lfs.mkdir(dir .. "new"))
    task:await()
    watch:close()
  end)

  it("is closed with its scope, group or task [27.5, 14.7]", function()
    local _, directory = files.directory()
    local watch
    weft.scope(function() watch = fs.watch(directory) end)
    assert.is_nil(watch:next())
    weft.spawn(function() watch = fs.watch(directory) end):await()
    assert.is_nil(watch:next())
    local task = loopback.parked(function()
      for _ in fs.watch(directory) do end -- luacheck: ignore 542
    end)
    loopback.assert_cancelled(task)
  end)

  it("tells when too much has happened", function()
    local dir, directory = files.directory()
    local watch = fs.watch(directory)
    for i = 1, 4100 do
      put(dir .. i, "")
      if i % 500 == 0 then loopback.settle() end
    end
    loopback.settle()
    local count = 0
    local change
    repeat
      change = watch:next()
      count = count + 1
    until change.kind == "overflow"
    assert.equal(4097, count)
    assert.equal(directory, change.path)
    watch:close()
  end)

  it("names the path where it cannot be", function()
    local dir = files.directory()
    local err = helper.fails("OSError", fs.watch, dir .. "none")
    assert.equal("ENOENT", err.code)
    assert.is_truthy(err.message:find("watch " .. dir .. "none: ", 1, true))
  end)

  it("needs a runtime", testing.plain(function()
    helper.fails("InvalidStateError", fs.watch, "/")
  end))
end)
