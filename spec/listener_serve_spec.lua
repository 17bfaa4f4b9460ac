-- Serving: `listener:serve`, its handlers, and how it ends.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local listen, connect = loopback.listen, loopback.connect
local close_all = loopback.close_all
local descriptors = loopback.descriptors
local limit_descriptors = loopback.limit_descriptors
local settle, parked = loopback.settle, loopback.parked
local assert_fails = loopback.assert_fails
local assert_cancelled = loopback.assert_cancelled

-- -- Serving -----------------------------------------------------------------

-- Echoes lines until the peer ends.
local function echo(stream)
  for line in stream:lines() do stream:write(line, "\n") end
end

-- A line there and back.
local function assert_served(stream, line)
  stream:write(line, "\n")
  assert.equal(line, stream:read_line())
end

describe("listener:serve", function()
  it("runs a handler for each connection, all at once [26.3]", function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo)
    local first, second = connect(listener), connect(listener)
    assert_served(second, "second")
    assert_served(first, "first")
    assert_served(second, "second again")
    close_all { first, second, listener }
    server:await()
  end)

  it("closes a connection at its handler's end, flushed [26.3]", function()
    local much = ("x"):rep(16 * 1024 * 1024)
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      stream:write(much)
    end)
    local stream = connect(listener)
    assert.equal(#much, #stream:read_all())
    close_all { stream, listener }
    server:await()
  end)

  it("accepts no more than its limit at once [26.3]", function()
    local listener = listen()
    local running, most = 0, 0
    local server = weft.spawn(listener.serve, listener, function(stream)
      running = running + 1
      most = math.max(most, running)
      echo(stream)
      running = running - 1
    end, { limit = 2 })
    local first, second = connect(listener), connect(listener)
    local third = connect(listener) -- the system's backlog takes it
    assert_served(first, "1")
    assert_served(second, "2")
    third:write "3\n"
    settle()
    assert.equal(2, running)
    -- Nobody has accepted it: its peer can still be had.
    first:close()
    assert.equal("3", third:read_line())
    assert.equal(2, most)
    close_all { second, third, listener }
    server:await()
  end)

  it("leaves in the backlog what is above its limit [26.3]", function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo, { limit = 1 })
    local first, second = connect(listener), connect(listener)
    assert_served(first, "1")
    settle()
    assert_cancelled(server)
    local peer = listener:accept()
    assert.equal(second:local_address(), peer:peer())
    close_all { first, second, peer, listener }
  end)

  it("reports a handler's failure and goes on [26.4]", function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      local line = stream:read_line()
      if line == "fail" then error "no good" end
      stream:write(line, "\n")
    end)
    local good, bad = connect(listener), connect(listener)
    local whose = bad:local_address()
    bad:write "fail\n"
    assert.is_nil(bad:read())
    assert_served(good, "good")
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.FAILURE, reports[1].kind)
    assert.is_truthy(reports[1].task:find("(" .. whose .. ")", 1, true))
    assert.is_truthy(reports[1].err.message:find("no good", 1, true))
    assert.is_truthy(
      reports[1].err.traceback:find("listener_serve_spec", 1, true))
    close_all { good, bad, listener }
    server:await()
  end)

  it("sends nothing more after a handler's failure [26.4]", function()
    local much = ("x"):rep(16 * 1024 * 1024)
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      stream:write(much)
      error()
    end)
    local stream = connect(listener)
    settle()
    local ok, bytes = pcall(stream.read_all, stream)
    assert.is_true(not ok or #bytes < #much)
    assert.equal(1, #testing.reports())
    close_all { stream, listener }
    server:await()
  end)

  it("reports a peer's reset as the handler's failure [26.4]", function()
    local listener, accepted = listen(), nil
    local server = weft.spawn(listener.serve, listener, function(stream)
      accepted = stream
      echo(stream)
    end)
    local stream = connect(listener)
    assert_served(stream, "hello")
    loopback.reset(accepted, stream)
    listener:close()
    server:await()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("ECONNRESET", reports[1].err.code)
  end)

  it("waits for its handlers once it is closed [26.4]", function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo)
    local stream = connect(listener)
    assert_served(stream, "before")
    listener:close()
    settle()
    assert.is_false(server:done())
    assert_served(stream, "after")
    stream:close()
    server:await()
  end)

  it("ends when it is closed while it is full [26.4]", function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo, { limit = 1 })
    local stream = connect(listener)
    assert_served(stream, "before")
    listener:close()
    stream:close()
    server:await()
  end)

  it("cancels and joins its handlers when cancelled [26.4]", function()
    local listener = listen()
    local cleaned_up = false
    local server = weft.spawn(listener.serve, listener, function(stream)
      local _, err = pcall(stream.read, stream)
      cleaned_up = err:is "CancelledError"
      error(err, 0)
    end)
    local stream = connect(listener)
    settle()
    assert_cancelled(server)
    assert.is_true(cleaned_up)
    assert.is_nil(stream:read())
    close_all { stream, listener }
  end)

  it("is cut off by a timeout, and may serve again [26.4]",
    testing.virtual(function()
      local listener = listen()
      assert_fails("TimeoutError", weft.timeout, 1, function()
        listener:serve(echo)
      end)
      local server = weft.spawn(listener.serve, listener, echo)
      local stream = connect(listener)
      assert_served(stream, "hello")
      close_all { stream, listener }
      server:await()
    end))

  it("gives a handler's end 5 s to flush [26.3]", testing.virtual(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      stream:write(("x"):rep(16 * 1024 * 1024))
    end)
    local stream = connect(listener)
    settle()
    listener:close()
    local began = weft.now()
    server:await()
    assert.equal(5, weft.now() - began)
    stream:close()
  end))

  it("refuses a second serve or accept [26.5]", function()
    local listener = listen()
    local server = parked(listener.serve, listener, echo, { limit = 1 })
    assert_fails("BusyError", listener.serve, listener, echo)
    assert_fails("BusyError", listener.accept, listener)
    local stream = connect(listener)
    assert_served(stream, "hello") -- now serve waits for a place
    assert_fails("BusyError", listener.serve, listener, echo)
    assert_fails("BusyError", listener.accept, listener)
    close_all { stream, listener }
    server:await()
  end)

  it("refuses a closed listener [26.5]", function()
    local listener = listen()
    listener:close()
    assert_fails("ClosedError", listener.serve, listener, echo)
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", listener.serve, listener, echo)
    end)
  end)

  it("refuses what is no handler, limit or drain [26.3]", function()
    local listener = listen()
    helper.refuses({ "handler must be a function, got nil" }, listener.serve,
      listener)
    for _, limit in ipairs { 0, -1, 1.5, 0 / 0, "2" } do
      helper.refuses({ "listener:serve: limit must be a whole number" },
        listener.serve, listener, echo, { limit = limit })
    end
    for _, drain in ipairs { -1, 0 / 0, "2" } do
      helper.refuses({ "listener:serve: drain must be a number of seconds" },
        listener.serve, listener, echo, { drain = drain })
    end
    helper.refuses({ "no option 'max'; there are drain and limit" },
      listener.serve, listener, echo, { max = 2 })
    listener:close()
  end)

  it("serves 1,000 connections and leaves no descriptor [26.3]", function()
    loopback.with_pair(settle) -- libuv opens one for itself the first time
    local before = descriptors()
    local limit = limit_descriptors(3000)
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo)
    weft.group(function(g)
      local connected, all_there = 0, weft.spawn(weft.sleep_forever)
      for i = 1, 1000 do
        g:spawn(function()
          local stream = connect(listener)
          connected = connected + 1
          if connected == 1000 then all_there:cancel() end
          pcall(all_there.await, all_there)
          assert_served(stream, "line " .. i)
          stream:close()
        end)
      end
    end)
    listener:close()
    server:await()
    settle()
    limit_descriptors(limit)
    assert.equal(before, (descriptors()))
  end)

  it("answers a peer that has ended its sending side [26.3]", function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      local all = stream:read_all()
      weft.yield()
      stream:write(all:upper())
    end)
    local stream = connect(listener)
    stream:write "half open"
    stream:shutdown()
    assert.equal("HALF OPEN", stream:read_all())
    close_all { stream, listener }
    assert.is_true(server:await())
  end)

  it("goes on after peers that were gone before [26.3]", function()
    local listener = listen()
    for i = 1, 10 do
      local stream = connect(listener)
      if i % 2 == 0 then loopback.linger_not(stream) end
      stream:exit(true)
    end
    local server = weft.spawn(listener.serve, listener, echo)
    local stream = connect(listener)
    assert_served(stream, "hello")
    local reports = testing.reports()
    assert.equal(5, #reports)
    for _, one in ipairs(reports) do
      assert.equal("ECONNRESET", one.err.code)
    end
    close_all { stream, listener }
    server:await()
  end)

  it("goes on when there are descriptors again #emfile [26.2]",
    testing.virtual(function()
      local listener = listen()
      local server = weft.spawn(listener.serve, listener, echo)
      local first = connect(listener)
      assert_served(first, "before")
      local restore = loopback.exhaust_descriptors(1)
      local second = connect(listener) -- with the last one
      settle()
      assert_served(first, "meanwhile")
      restore()
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal("EMFILE", reports[1].err.code)
      local began = weft.now()
      assert_served(second, "after")
      assert.equal(1, math.floor(weft.now() - began + 0.5))
      close_all { first, second, listener }
      server:await()
    end))

  it("opens and drops 10,000 connections, and leaves nothing #slow [26.3]",
    function()
      loopback.with_pair(settle)
      local before = descriptors()
      local limit = limit_descriptors(2000)
      local listener = listen()
      local served, accepted, all_accepted = 0, 0, weft.event()
      local server = weft.spawn(listener.serve, listener, function(stream)
        accepted = accepted + 1
        if accepted == 10000 then all_accepted:set() end
        stream:write "hello\n"
        stream:read_line()
        served = served + 1
      end)
      local function open_and_drop(i)
        local stream = connect(listener)
        if i % 3 == 0 then stream:write "a line\n" end
        -- With something left unread, a close is a reset.
        if i % 2 == 0 then assert.equal("hello", stream:read_line()) end
        if i % 5 == 0 then weft.yield() end
        stream:exit(true)
      end
      local numbers = {}
      for i = 1, 10000 do numbers[i] = i end
      weft.each(numbers, open_and_drop, { limit = 500 })
      all_accepted:wait()
      listener:close()
      server:await()
      settle()
      limit_descriptors(limit)
      local failed = testing.reports()
      for _, one in ipairs(failed) do
        assert.equal("ECONNRESET", one.err.code)
      end
      assert.equal(10000, served + #failed)
      assert.is_true(served >= 5000)
      assert.equal(before, (descriptors()))
    end)
end)

-- -- Draining ----------------------------------------------------------------

-- A handler that says how it was ended.
local function sleeper(ends, seconds)
  return function()
    local ok, err = pcall(weft.sleep, seconds or math.huge)
    ends[#ends + 1] = ok and "done" or err.source
    if not ok then error(err, 0) end
  end
end

-- Serves with the options, and connects so many times.
local function start_serving(handler, opts, count)
  local listener = listen()
  local server = weft.spawn(listener.serve, listener, handler, opts)
  local streams = {}
  for i = 1, count do streams[i] = connect(listener) end
  settle()
  return listener, server, streams
end

describe("listener:serve with drain", function()
  testing.options { virtual = true }

  it("cancels the handlers that are left when it is over [26.4]", function()
    local ends = {}
    local listener, server, streams = start_serving(sleeper(ends),
      { drain = 3 }, 2)
    weft.sleep(10)
    local began = weft.now()
    listener:close()
    assert.is_false(server:await())
    assert.equal(3, weft.now() - began)
    assert.same({ "deadline", "deadline" }, ends)
    for _, stream in ipairs(streams) do assert.is_nil(stream:read()) end
    close_all(streams)
  end)

  it("returns as soon as all have ended by themselves [26.4]", function()
    local ends = {}
    local listener, server, streams = start_serving(sleeper(ends, 12),
      { drain = 3 }, 2)
    weft.sleep(10)
    local began = weft.now()
    listener:close()
    assert.is_true(server:await())
    assert.equal(2, weft.now() - began)
    assert.same({ "done", "done" }, ends)
    close_all(streams)
  end)

  it("joins a handler that cleans up for longer [26.4]", function()
    local listener, server, streams = start_serving(function()
      weft.finally(weft.sleep_forever, function() weft.sleep(5) end)
    end, { drain = 1 }, 1)
    local began = weft.now()
    listener:close()
    assert.is_false(server:await())
    assert.equal(6, weft.now() - began)
    close_all(streams)
  end)

  it("reports what a handler raises instead [26.4]", function()
    local listener, server, streams = start_serving(function()
      pcall(weft.sleep_forever)
      error "no end"
    end, { drain = 1 }, 1)
    listener:close()
    assert.is_false(server:await())
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.is_truthy(reports[1].err.message:find("no end", 1, true))
    close_all(streams)
  end)

  it("counts from the close also where no place is free [26.4]", function()
    local ends = {}
    local listener, server, streams = start_serving(sleeper(ends),
      { drain = 3, limit = 1 }, 2)
    local began = weft.now()
    listener:close()
    assert.is_false(server:await())
    assert.equal(3, weft.now() - began)
    assert.same({ "deadline" }, ends)
    loopback.exit_all(streams)
  end)

  it("counts from the first close [26.4]", function()
    local listener, server, streams = start_serving(sleeper {}, { drain = 3 },
      1)
    local began = weft.now()
    listener:close()
    weft.sleep(2)
    listener:close()
    assert.is_false(server:await())
    assert.equal(3, weft.now() - began)
    close_all(streams)
  end)

  it("of 0 ends them at once, and of math.huge never [26.4]", function()
    local ends = {}
    local listener, server, streams = start_serving(sleeper(ends),
      { drain = 0 }, 1)
    listener:close()
    assert.is_false(server:await())
    close_all(streams)
    listener, server, streams = start_serving(sleeper(ends, 1000),
      { drain = math.huge }, 1)
    listener:close()
    assert.is_true(server:await())
    assert.same({ "deadline", "done" }, ends)
    close_all(streams)
  end)

  it("does not delay a cancellation, before or meanwhile [26.4]", function()
    for _, closes in ipairs { false, true } do
      local ends = {}
      local listener, server, streams = start_serving(sleeper(ends),
        { drain = 3 }, 1)
      if closes then listener:close() end
      settle()
      local began = weft.now()
      assert_cancelled(server)
      assert.equal(0, weft.now() - began)
      assert.same({ "cancel" }, ends)
      close_all(streams)
      listener:close()
    end
  end)

  it("ends at a signal as a server should [26.4]", function()
    local ends = {}
    local listener = listen()
    local stop = weft.event()
    local drained
    weft.group(function(g)
      g:spawn(function()
        stop:wait()
        listener:close()
      end)
      g:spawn(function()
        local stream = connect(listener)
        weft.sleep(1)
        stop:set()
        assert.is_nil(stream:read())
        stream:close()
      end)
      drained = listener:serve(sleeper(ends, 2), { drain = 5 })
    end)
    assert.is_true(drained)
    assert.same({ "done" }, ends)
  end)
end)
