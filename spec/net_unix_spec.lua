-- Unix sockets: rules 26.2 to 26.5 hold for them as for TCP.
local lfs = require "lfs"
local weft = require "weft"
local net = require "weft.net"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local close_all, descriptors = loopback.close_all, loopback.descriptors
local settle, parked = loopback.settle, loopback.parked
local assert_fails = loopback.assert_fails
local assert_cancelled = loopback.assert_cancelled

-- A path in a folder of its own, which must be empty at the end of the test.
local path

before_each(function()
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  path = folder .. "/socket"
end)

after_each(function() assert(os.remove((path:gsub("/socket$", "")))) end)

local function echo(stream)
  for line in stream:lines() do stream:write(line, "\n") end
end

describe("a unix socket", function()
  it("is connected to by its path [26.2]", function()
    local listener = net.listen("unix:" .. path)
    local first = net.connect("unix:" .. path)
    local second = net.connect { path = path }
    local peer = listener:accept()
    first:write "hello\n"
    assert.equal("hello", peer:read_line())
    first:shutdown()
    assert.is_nil(peer:read())
    close_all { first, second, peer, listener:accept(), listener }
  end)

  it("has its path for an address", function()
    local listener = net.listen { path = path }
    local stream = net.connect(listener:address())
    local peer = listener:accept()
    assert.equal("unix:" .. path, listener:address())
    assert.same({ "unix:" .. path }, listener:addresses())
    assert.is_nil(listener:port())
    assert.equal("unix:" .. path, stream:peer())
    assert.equal("unix:", stream:local_address())
    assert.equal("unix:", peer:peer())
    close_all { stream, peer, listener }
  end)

  it("may have a name that is in no file system", function()
    local name = "unix:@weft-" .. os.time() .. os.tmpname()
    os.remove((name:match "/.*"))
    local listener = net.listen(name)
    assert.equal(name, listener:address())
    local stream = net.connect(name)
    close_all { stream, listener:accept(), listener }
    local err = assert_fails("OSError", net.connect, name)
    assert.equal("ECONNREFUSED", err.code)
  end)

  it("serves [26.3]", function()
    local listener = net.listen { path = path }
    local server = weft.spawn(listener.serve, listener, echo, { limit = 2 })
    local streams = {}
    for i = 1, 3 do streams[i] = net.connect { path = path } end
    for i = 1, 3 do
      streams[i]:write("line " .. i .. "\n")
      if i < 3 then assert.equal("line " .. i, streams[i]:read_line()) end
    end
    settle()
    streams[1]:close()
    assert.equal("line 3", streams[3]:read_line())
    close_all { streams[2], streams[3], listener }
    server:await()
  end)

  it("is not there: the error names it", function()
    local err = assert_fails("OSError", net.connect, { path = path })
    assert.equal("ENOENT", err.code)
    assert.equal("connect to unix:" .. path .. ": no such file or directory",
      err.message)
  end)

  it("is refused where somebody listens [26.5]", function()
    local listener = net.listen { path = path }
    local err = assert_fails("OSError", net.listen, { path = path })
    assert.equal("EADDRINUSE", err.code)
    assert.equal("listen on unix:" .. path .. ": address already in use",
      err.message)
    local stream = net.connect { path = path }
    listener:accept():exit(true) -- that was the look whether somebody does
    close_all { stream, listener:accept(), listener }
  end)

  it("is removed when it is closed [26.5]", function()
    local listener = net.listen { path = path }
    assert.equal("socket", lfs.attributes(path, "mode"))
    listener:close()
    assert.is_nil(lfs.attributes(path))
    listener:close()
  end)

  it("is left there if it is another's by now [26.5]", function()
    local listener = net.listen { path = path }
    assert(os.remove(path))
    local second = net.listen { path = path }
    listener:close()
    local stream = net.connect { path = path }
    close_all { stream, second:accept(), second }
  end)

  it("is removed at the end of the run [26.5]", testing.plain(function()
    weft.run(function() net.listen { path = path } end)
  end))

  it("is taken over from a server that died", function()
    local listener = net.listen { path = path }
    assert(os.rename(path, path .. ".old"))
    listener:close()
    assert(os.rename(path .. ".old", path))
    local err = assert_fails("OSError", net.connect, { path = path })
    assert.equal("ECONNREFUSED", err.code)
    listener = net.listen { path = path }
    local stream = net.connect { path = path }
    close_all { stream, listener:accept(), listener }
  end)

  it("has the permissions asked for", function()
    for mode, shown in pairs {
      ["600"] = "rw-------", ["0666"] = "rw-rw-rw-",
    } do
      local listener = net.listen { path = path, mode = mode }
      assert.equal(shown, lfs.attributes(path, "permissions"))
      listener:close()
    end
  end)

  it("makes a connect wait while its backlog is full",
    testing.virtual(function()
        local listener = net.listen { path = path, backlog = 1 }
      -- Linux lets one more wait than it was told.
      local streams = { net.connect { path = path },
        net.connect { path = path } }
      local before = descriptors()
      local task = parked(net.connect, { path = path })
      assert_cancelled(task)
      assert_fails("TimeoutError", weft.timeout, 1, function()
        net.connect { path = path }
      end)
      assert.equal(before, (descriptors()))
      task = parked(net.connect, { path = path })
      local peer = listener:accept()
      close_all { task:await(), peer, listener:accept(), listener:accept() }
      close_all(streams)
      listener:close()
    end))

  it("has a path of limited length", function()
    local long = "/tmp/" .. ("x"):rep(200)
    helper.refuses({ "unix:" .. long, "at most 107 bytes, this one 205" },
      net.connect, { path = long })
    helper.refuses({ "unix:" .. long, "at most 107 bytes, this one 205" },
      net.listen, "unix:" .. long)
  end)

  it("has options of its own", function()
    helper.refuses({ "net.connect: there is no option 'port'; there are path "
      .. "and tls" }, net.connect, { path = "/tmp/never", port = 80 })
    helper.refuses({ "net.listen: there is no option 'reuseport'",
      "backlog, mode, path and tls" }, net.listen,
      { path = "/tmp/never", reuseport = true })
    helper.refuses({ "mode must be three octal digits in a string" },
      net.listen, { path = "/tmp/never", mode = 660 })
    helper.refuses({ "@never", "no permissions" }, net.listen,
      { path = "@never", mode = "600" })
    helper.refuses({ "path must be a path, got string" }, net.connect, "unix:")
    helper.refuses({ "path must be a path" }, net.connect, { path = "a\0b" })
  end)
end)
