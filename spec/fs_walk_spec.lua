-- Walking trees of directories.
local weft = require "weft"
local files = require "spec.files"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local fs = weft.fs
local put = files.put

-- All that a walk gives, as "path:type:depth", without the directory.
local function walked(dir, opts)
  local list = {}
  for path, kind, depth in fs.walk(dir, opts) do
    list[#list + 1] = ("%s:%s:%d"):format(path:sub(#dir + 1), kind, depth)
  end
  return list
end

local function make_tree(dir)
  fs.mkdir(dir .. "b/c/d", { parents = true })
  fs.mkdir(dir .. "a")
  put(dir .. "a/file", "")
  put(dir .. "b/c/file", "")
  put(dir .. "z", "")
  fs.symlink("b", dir .. "link")
end

describe("fs.walk", function()
  it("gives all below, each directory before what is in it", function()
    local dir = files.directory()
    make_tree(dir)
    assert.same({ "a:directory:1", "a/file:file:2", "b:directory:1",
      "b/c:directory:2", "b/c/d:directory:3", "b/c/file:file:3",
      "link:link:1", "z:file:1" }, walked(dir))
  end)

  it("puts a slash where there is none", function()
    local dir, directory = files.directory()
    put(dir .. "file", "")
    local walk = fs.walk(directory)
    assert.equal(dir .. "file", walk())
    walk:close()
  end)

  it("goes down as far as it is told", function()
    local dir = files.directory()
    make_tree(dir)
    assert.same({ "a:directory:1", "b:directory:1", "link:link:1", "z:file:1" },
      walked(dir, { depth = 1 }))
    assert.equal(6, #walked(dir, { depth = 2 }))
  end)

  it("goes only into what it is told to", function()
    local dir = files.directory()
    make_tree(dir)
    local asked = {}
    assert.same({ "a:directory:1", "b:directory:1", "b/c:directory:2",
      "link:link:1", "z:file:1" }, walked(dir, { enter = function(path)
      asked[#asked + 1] = path:sub(#dir + 1)
      return path:sub(-1) == "b"
    end }))
    assert.same({ "a", "b", "b/c" }, asked)
  end)

  it("follows links if it is told to, but in no circle", function()
    local dir = files.directory()
    make_tree(dir)
    fs.symlink("..", dir .. "b/up")
    fs.symlink("nowhere", dir .. "b/loose")
    local list = table.concat(walked(dir, { follow = true }), " ")
    assert.is_truthy(list:find("link/c/file:file:3", 1, true))
    assert.is_truthy(list:find("b/up:link:2", 1, true))
    assert.is_nil(list:find("b/up/", 1, true))
    assert.is_nil(list:find("link/up/", 1, true))
  end)

  it("raises what it cannot read, or tells on_error", function()
    local dir = files.directory()
    helper.fails("OSError", fs.walk(dir .. "none"))
    make_tree(dir)
    local errs = {}
    local function remove_it(path)
      if path:sub(-1) == "c" then fs.remove_all(path) end
      return true
    end
    local list = walked(dir, { enter = remove_it, on_error = function(err)
      errs[#errs + 1] = err
    end })
    assert.equal(6, #list)
    assert.equal(1, #errs)
    assert.equal("ENOENT", errs[1].code)
    assert.is_truthy(errs[1].message:find("readdir " .. dir .. "b/c", 1, true))
  end)

  it("may be left early, and be closed [27.5]", function()
    local dir = files.directory()
    make_tree(dir)
    weft.scope(function()
      for _ in fs.walk(dir) do break end -- luacheck: ignore 512
    end)
    local walk = fs.walk(dir)
    walk:next()
    walk:close()
    assert.is_nil(walk:next())
  end)

  it("is cancelled where it waits", function()
    local dir = files.directory()
    make_tree(dir)
    files.with_busy_threads(dir, function()
      local task = loopback.parked(function()
        for _ in fs.walk(dir) do weft.yield() end
      end)
      loopback.assert_cancelled(task)
    end)
  end)

  it("refuses options that are none", function()
    local dir = files.directory()
    helper.refuses({ "depth", "at least 1" }, fs.walk, dir, { depth = 0 })
    helper.refuses({ "no option 'filter'", "enter" }, fs.walk, dir,
      { filter = print })
    helper.refuses({ "enter", "a function" }, fs.walk, dir, { enter = true })
  end)
end)
