-- Looking up names.
local weft = require "weft"
local dns = require "weft.dns"
local testing = require "weft.testing"
local helper = require "spec.helper"
local name_server = require "spec.name_server"
local program = require "spec.program"

local fails, refuses = helper.fails, helper.refuses

describe("dns.lookup", function()
  it("gives the addresses of a host [27.2]", function()
    local addresses = dns.lookup "localhost"
    assert.is_true(#addresses >= 1)
    local found = {}
    for _, address in ipairs(addresses) do found[address] = true end
    assert.is_true(found["127.0.0.1"] or found["::1"])
  end)

  it("gives those of one family", function()
    assert.same({ "127.0.0.1" }, dns.lookup("localhost", { family = 4 }))
  end)

  it("takes an address for itself", function()
    assert.same({ "192.0.2.1" }, dns.lookup "192.0.2.1")
    assert.same({ "2001:db8::1" }, dns.lookup "2001:db8::1")
    fails("OSError", dns.lookup, "192.0.2.1", { family = 6 })
  end)

  it("works under the virtual clock, which waits [30.2]",
    testing.virtual(function()
      assert.same({ "127.0.0.1" }, dns.lookup("localhost", { family = 4 }))
      assert.equal(0, weft.now())
    end))

  it("raises Cancelled in cancelled code [3.2]", function()
    local scope = weft.scope(function(s)
      s:cancel()
      dns.lookup "localhost"
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("returns at once when cancelled [27.2]", function()
    local task = weft.spawn(dns.lookup, "localhost")
    weft.yield()
    task:cancel()
    local ok, err = weft.try(task.await, task)
    assert.is_true(ok ~= nil or err:is "TaskCancelledError")
  end)

  it("refuses what is no name or option", function()
    refuses({ "host", "a name", "nil" }, dns.lookup)
    refuses({ "host", "a name" }, dns.lookup, "")
    refuses({ "host", "a name" }, dns.lookup, "a\0b")
    refuses({ "host", "255 bytes" }, dns.lookup, ("a"):rep(256))
    refuses({ "family", "4 or 6", "5" }, dns.lookup, "a.test", { family = 5 })
    refuses({ "no option 'fam'", "family" }, dns.lookup, "a.test", { fam = 4 })
  end)

  it("needs a task", testing.plain(function()
    fails("InvalidStateError", dns.lookup, "localhost")
    assert.equal(dns, weft.dns)
  end))
end)

describe("dns.reverse", function()
  it("gives the name of an address, or says there is none", function()
    assert.is_string(dns.reverse "127.0.0.1")
    refuses({ "must be an address", "localhost" }, dns.reverse, "localhost")
    refuses({ "address" }, dns.reverse, nil)
  end)
end)

describe("dns.resolve", function()
  -- What asks a server that is there until the end of the test.
  local function start_server()
    local address = name_server.start()
    return function(name, kind, timeout)
      return dns.resolve(name, kind, { servers = { address },
        timeout = timeout, attempts = timeout and 1 })
    end
  end

  it("gives records as texts or tables", function()
    local resolve = start_server()
    assert.same({ "192.0.2.1" }, resolve("one.test", "A"))
    assert.same({ "v=1" }, resolve("txt.test", "TXT"))
    assert.same({ { priority = 10, exchange = "mail.test" },
      { priority = 20, exchange = "other.test" } }, resolve("mx.test", "MX"))
    assert.same({ { priority = 1, weight = 2, port = 8080,
      target = "host.test" } }, resolve("srv.test", "SRV"))
  end)

  it("says that there is none, or no answer", function()
    local resolve = start_server()
    local err = fails("OSError", resolve, "nx.test", "MX")
    assert.equal("EHOSTNOTFOUND", err.code)
    assert.is_truthy(err.message:find("MX records of nx.test", 1, true))
    err = fails("OSError", resolve, "one.test", "MX")
    assert.equal("EHOSTNOTFOUND", err.code)
    err = fails("OSError", resolve, "silent.test", "A", 0.01)
    assert.equal("EHOSTTRYAGAIN", err.code)
    assert.equal(3, name_server.queries)
  end)

  it("returns at once when cancelled [27.2]", function()
    local resolve = start_server()
    local task = weft.spawn(resolve, "silent.test", "A", 60)
    while name_server.queries == 0 do weft.yield() end
    task:cancel()
    fails("TaskCancelledError", task.await, task)
  end)

  it("asks for many side by side", function()
    local resolve = start_server()
    local names = {}
    for i = 1, 100 do names[i] = "one" .. ".n" .. i .. ".test" end
    local found = weft.map(names, function(name) return resolve(name, "A") end)
    assert.equal(100, #found)
    assert.same({ "192.0.2.1" }, found[100])
  end)

  it("refuses what it cannot ask", function()
    refuses({ "kind", "A, AAAA", "ANY" }, dns.resolve, "a.test", "ANY")
    refuses({ "name" }, dns.resolve, "", "A")
    refuses({ "servers", "a list" }, dns.resolve, "a.test", "A",
      { servers = {} })
    refuses({ "servers must be addresses", "nowhere" }, dns.resolve, "a.test",
      "A", { servers = { "nowhere" } })
    refuses({ "timeout", "above 0" }, dns.resolve, "a.test", "A",
      { timeout = 0 })
  end)

  it("cannot wait for servers in virtual time", testing.virtual(function()
    local err = fails("OSError", dns.resolve, "a.test", "A")
    assert.equal("ENOTSUP", err.code)
    assert.is_truthy(err.message:find("virtual clock", 1, true))
  end))
end)

describe("the resolver", function()
  local SCRIPT = [[
    local weft = require "weft"
    local function shows(word)
      local file = assert(io.open "/proc/self/maps")
      local maps = file:read "*a"
      file:close()
      return maps:find(word, 1, true) ~= nil
    end
    weft.dns.lookup "127.0.0.1"
    local before = shows "libweft_dns"
    weft.dns.lookup "localhost"
    print(before, shows "libweft_dns", shows "libcares")
  ]]

  it("is loaded with the first name, not with an address", function()
    local path = program.file(SCRIPT)
    local result = program.run { path }
    os.remove(path)
    assert.equal("", result.err)
    assert.equal("false\ttrue\ttrue\n", result.out)
  end)
end)
