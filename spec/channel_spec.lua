-- Channels: a way from those who send to those who receive.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local virtual = testing.virtual
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local settle = helper.settle

-- Spawns fn(...), which parks.
local function parked(fn, ...)
  local task = weft.spawn(fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

-- A channel of that capacity that holds these items.
local function channel_of(capacity, ...)
  local sender, receiver = weft.channel(capacity)
  for _, item in ipairs { ... } do sender:try_send(item) end
  return sender, receiver
end

local function says(err, text)
  assert.is_truthy(err.message:find(text, 1, true), err.message)
end

-- Closes the ends, so that none of them is reported.
local function close(...)
  for _, object in ipairs { ... } do object:close() end
end

-- -- Sending and receiving ---------------------------------------------------

describe("a channel", function()
  it("brings items from a sender to a receiver, in order [21.1]", function()
    local sender, receiver = weft.channel(5)
    for i = 1, 5 do sender:send(i) end
    local got = {}
    for i = 1, 5 do got[i] = receiver:receive() end
    assert.same({ 1, 2, 3, 4, 5 }, got)
    close(sender, receiver)
  end)

  it("takes any value but nil, false too [21.4]", function()
    for capacity = 0, 1 do
      local sender, receiver = weft.channel(capacity)
      local got
      parked(function() got = receiver:receive() end)
      sender:send(false) -- to one who waits
      settle()
      assert.equal(false, got)
      weft.spawn(sender.send, sender, false) -- from one who waits, or stored
      weft.yield()
      assert.equal(false, receiver:receive())
      weft.spawn(sender.send, sender, false)
      weft.yield()
      assert.equal(false, receiver:try_receive())
      refuses({ "sender:send(v)", "nil" }, sender.send, sender)
      refuses({ "sender:try_send(v)", "nil" }, sender.try_send, sender)
      settle()
      close(sender, receiver)
    end
  end)

  it("stores up to its capacity, then send parks [21.1]", function()
    local sender, receiver = weft.channel(2)
    sender:send "a"
    sender:send "b"
    weft.call_later(3, function() receiver:try_receive() end)
    sender:send "c"
    assert.equal(3, weft.now())
    assert.equal("b", receiver:receive())
    assert.equal("c", receiver:receive())
    close(sender, receiver)
  end)

  it("of capacity 0, the default, has send return when a receiver has its "
    .. "item [21.1]", function()
    for _, capacity in ipairs { 0, false } do
      local sender, receiver = weft.channel(capacity or nil)
      local began = weft.now()
      weft.spawn(function()
        weft.sleep(2)
        assert.equal("a", receiver:receive())
        weft.sleep(2)
        assert.equal("b", receiver:receive())
      end)
      sender:send "a"
      assert.equal(began + 2, weft.now())
      sender:send "b"
      assert.equal(began + 4, weft.now())
      settle()
      close(sender, receiver)
    end
  end)

  it("may be without a limit [21.1]", function()
    local sender, receiver = weft.channel(math.huge)
    for i = 1, 1000 do sender:try_send(i) end
    assert.equal(1000, receiver:statistics().size)
    assert.equal(math.huge, receiver:statistics().capacity)
    close(sender, receiver)
  end)

  it("refuses a capacity that is no whole number of 0 or more", function()
    for _, wrong in ipairs { -1, 1.5, 0 / 0, -math.huge, "1", true } do
      refuses({ "channel(capacity)", "whole number", "got" },
        weft.channel, wrong)
    end
    refuses({ "string" }, weft.channel, "1")
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.channel)
  end))

  it("parks in receive until an item is sent [21.1]", function()
    for capacity = 0, 1 do
      local sender, receiver = weft.channel(capacity)
      local began = weft.now()
      weft.call_later(3, function() sender:try_send "x" end)
      assert.equal("x", receiver:receive())
      assert.equal(began + 3, weft.now())
      close(sender, receiver)
    end
  end)

  it("serves both ends in the order they came, whichever clone they use "
    .. "[21.1, 21.2, 1.5]", function()
    for capacity = 0, 1 do
      local sender, receiver = weft.channel(capacity)
      local senders = { sender, sender:clone(), sender:clone() }
      local receivers = { receiver, receiver:clone(), receiver:clone() }
      local log = {}
      for i = 1, 6 do
        parked(function()
          local item = receivers[i % 3 + 1]:receive()
          log[#log + 1] = i .. item
        end)
      end
      for _, item in ipairs { "a", "b", "c", "d", "e", "f" } do
        sender:send(item)
      end
      settle()
      assert.same({ "1a", "2b", "3c", "4d", "5e", "6f" }, log)
      for _ = 1, capacity do sender:send "stored" end
      log = {}
      for i = 1, 6 do
        parked(function()
          senders[i % 3 + 1]:send(i)
          log[#log + 1] = "sent " .. i
        end)
      end
      for _ = 1, capacity do assert.equal("stored", receiver:receive()) end
      for i = 1, 6 do assert.equal(i, receiver:receive()) end
      settle()
      assert.same({ "sent 1", "sent 2", "sent 3", "sent 4", "sent 5",
        "sent 6" }, log)
      close(unpack(senders))
      close(unpack(receivers))
    end
  end)

  it("does not let a newcomer pass those who wait [3.6, 3.9]", function()
    local sender, receiver = channel_of(1, "a")
    parked(sender.send, sender, "b")
    receiver:try_receive()
    fails("QueueFull", sender.try_send, sender, "c")
    assert.equal("b", receiver:receive())
    settle()
    local got
    parked(function() got = receiver:receive() end)
    sender:send "x"
    fails("QueueEmpty", receiver.try_receive, receiver)
    settle()
    assert.equal("x", got)
    close(sender, receiver)
  end)

  it("hands the item of a waiting sender to whoever receives, with capacity 0 "
    .. "[21.1]", function()
    local sender, receiver = weft.channel()
    local first, second = parked(sender.send, sender, 1),
      parked(sender.send, sender, 2)
    assert.equal(1, receiver:try_receive())
    weft.yield()
    assert.same({ true, false }, { first:done(), second:done() })
    assert.equal(2, receiver:receive())
    fails("QueueEmpty", receiver.try_receive, receiver)
    settle()
    close(sender, receiver)
  end)

  it("is not larger for the million items that went through it", function()
    local function growth()
      local sender, receiver = weft.channel(math.huge)
      sender:send(1)
      receiver:receive()
      collectgarbage()
      local before = collectgarbage "count"
      for _ = 1, 10 do -- each goes up to 10,000 items and back
        for i = 1, 10000 do sender:send(i) end
        for _ = 1, 10000 do receiver:receive() end
      end
      for i = 1, 900000 do
        sender:send(i)
        receiver:receive()
      end
      collectgarbage()
      local kilobytes = collectgarbage "count" - before
      close(sender, receiver)
      return kilobytes
    end
    growth() -- the compiler's own memory is made here
    local kilobytes = growth()
    assert.is_true(kilobytes < 16, kilobytes .. " KB")
  end)
end)

-- -- Cancelled and timed out -------------------------------------------------

describe("a send or receive", function()
  for capacity = 0, 1 do
    local of = ", capacity " .. capacity

    -- A channel that is full, as far as it can be.
    local function full()
      local sender, receiver = weft.channel(capacity)
      for _ = 1, capacity do sender:try_send "stored" end
      return sender, receiver, function()
        for _ = 1, capacity do
          assert.equal("stored", receiver:try_receive())
        end
      end
    end

    it("that is cancelled or timed out has sent nothing, taken nothing "
      .. "[21.1, 3.5]" .. of, function()
      local sender, receiver, drain = full()
      fails("TimeoutError", weft.timeout, 1, function() sender:send "a" end)
      parked(sender.send, sender, "b"):cancel()
      drain()
      fails("QueueEmpty", receiver.try_receive, receiver)
      settle()
      fails("TimeoutError", weft.timeout, 1, function() receiver:receive() end)
      parked(receiver.receive, receiver):cancel()
      if capacity == 0 then
        fails("QueueFull", sender.try_send, sender, "c")
        weft.spawn(sender.send, sender, "c")
      else
        sender:send "c"
      end
      assert.equal("c", receiver:receive())
      settle()
      assert.same({ 0, 0 },
        { sender:statistics().sending, sender:statistics().receiving })
      close(sender, receiver)
    end)

    it("is a cancellation point, also where it could finish [3.2]" .. of,
      function()
        local sender, receiver = full()
        local other_sender, other = weft.channel(1)
        weft.move_on_after(0, function()
          fails("CancelledError", other_sender.send, other_sender, 1)
          fails("CancelledError", receiver.receive, receiver)
          fails("CancelledError", receiver:items(), receiver)
        end)
        assert.equal(capacity, receiver:statistics().size)
        assert.equal(0, other:statistics().size)
        close(sender, receiver, other_sender, other)
      end)

    it("that is served, then cancelled, delivers; Cancelled is next "
      .. "[3.4, 8]" .. of, function()
      local sender, receiver, drain = full()
      local after, got, next_err
      local task = parked(function()
        sender:send "a"
        after = "sent"
        next_err = error_of(weft.checkpoint)
      end)
      drain()
      if capacity == 0 then assert.equal("a", receiver:try_receive()) end
      task:cancel()
      settle()
      assert.equal("sent", after)
      assert.is_true(next_err:is "CancelledError")
      if capacity == 1 then assert.equal("a", receiver:receive()) end

      next_err = nil
      task = parked(function()
        got = receiver:receive()
        next_err = error_of(weft.checkpoint)
      end)
      sender:send "b"
      task:cancel()
      settle()
      assert.equal("b", got)
      assert.is_true(next_err:is "CancelledError")
      close(sender, receiver)
    end)

    it("that is cancelled, then looked for, is passed over: the next is served "
      .. "[3.5, 8]" .. of, function()
      local sender, receiver, drain = full()
      local first = parked(sender.send, sender, "a")
      parked(sender.send, sender, "b")
      first:cancel()
      drain()
      assert.equal("b", receiver:receive())
      settle()
      local got
      first = parked(receiver.receive, receiver)
      parked(function() got = receiver:receive() end)
      first:cancel()
      sender:send "c"
      settle()
      assert.equal("c", got)
      close(sender, receiver)
    end)

    it("that was cancelled is counted no more" .. of, function()
      local sender, receiver, drain = full()
      parked(sender.send, sender, "a"):cancel()
      drain()
      parked(receiver.receive, receiver):cancel()
      settle()
      local shared = sender.channel
      assert.same({ 0, 0, {}, {} }, { shared.senders.count,
        shared.receivers.count, shared.senders.items, shared.receivers.items })
      assert.same({ {}, {} }, { sender.seats, receiver.seats })
      close(sender, receiver)
    end)

    for seed = 1, 4 do
      it("loses nothing and doubles nothing, whoever is cut off when, seed "
        .. seed .. " [3.4, 3.5, 21.1]" .. of, virtual(function()
        local random = seed * 104729
        local function next_random(n)
          random = (random * 1103515245 + 12345) % 2 ^ 31
          return math.floor(random / 2 ^ 31 * n)
        end
        local sender, receiver = weft.channel(capacity * 3)
        local sent, got = {}, {}
        local function note(set, item) set[item] = (set[item] or 0) + 1 end
        local function meddle(object, fn)
          for i = 1, 200 do
            weft.move_on_after(next_random(3), function() fn(object, i) end)
            if next_random(4) == 0 then weft.sleep(next_random(3)) end
          end
          object:close()
        end
        weft.group(function(group)
          for worker = 1, 4 do
            group:spawn(meddle, sender:clone(), function(object, i)
              local item = worker * 1000 + i
              object:send(item)
              note(sent, item)
            end)
            group:spawn(meddle, receiver:clone(), function(object)
              local ok, item = pcall(object.receive, object)
              if ok then note(got, item)
              elseif not item:is "EndOfStream" then error(item, 0) end
            end)
          end
          sender:close()
        end)
        for item in receiver:items() do note(got, item) end
        receiver:close()
        assert.is_true(next(sent) ~= nil)
        assert.same(sent, got)
      end, { seed = seed }))
    end
  end

  it("lets the others run though there is always an item: the 128th call of a "
    .. "step goes to the tail [1.7]", function()
    local sender, receiver = weft.channel(math.huge)
    local others, at = 0, {}
    weft.yield()
    local other = weft.spawn(function()
      while true do
        others = others + 1
        weft.yield()
      end
    end)
    for i = 1, 300 do
      sender:send(i)
      at[i] = others
    end
    assert.same({ 0, 1, 1, 2 }, { at[127], at[128], at[255], at[256] })
    for i = 1, 300 do
      receiver:receive()
      at[i] = others
    end
    assert.is_true(at[300] - at[1] >= 2)
    other:cancel()
    weft.yield()
    close(sender, receiver)
  end)

  it("says where it cannot park, and changes nothing [13.3]", function()
    local sender, receiver = weft.channel()
    local errs = {}
    table.sort({ 1, 2 }, function()
      errs[1] = error_of(sender.send, sender, 1)
      errs[2] = error_of(receiver.receive, receiver)
      return false
    end)
    says(errs[1], "sender:send")
    says(errs[2], "receiver:receive")
    assert.is_true(errs[1]:is "InvalidStateError")
    assert.equal(0, sender:statistics().sending)
    assert.equal(0, sender:statistics().receiving)
    close(sender, receiver)
  end)
end)

describe("try_send and try_receive", function()
  it("raise QueueFull and QueueEmpty [21.4]", function()
    local sender, receiver = weft.channel(1)
    says(fails("QueueEmpty", receiver.try_receive, receiver),
      "receiver:try_receive: nothing is there")
    sender:try_send(1)
    says(fails("QueueFull", sender.try_send, sender, 2),
      "sender:try_send: the channel holds 1 items already")
    assert.equal(1, receiver:try_receive())
    close(sender, receiver)
  end)

  it("need somebody who waits where the capacity is 0 [21.4, 21.1]", function()
    local sender, receiver = weft.channel()
    says(fails("QueueFull", sender.try_send, sender, 1),
      "nobody waits to receive")
    local got
    parked(function() got = receiver:receive() end)
    sender:try_send(2)
    fails("QueueFull", sender.try_send, sender, 3)
    settle()
    assert.equal(2, got)
    close(sender, receiver)
  end)

  it("are no cancellation points, and work outside a task [3.9]", function()
    local sender, receiver = weft.channel(2)
    weft.move_on_after(0, function()
      sender:try_send(1)
      assert.equal(1, receiver:try_receive())
    end)
    weft.call_soon(function() sender:try_send "x" end)
    assert.equal("x", receiver:receive())
    close(sender, receiver)
  end)
end)

-- -- Closing -----------------------------------------------------------------

describe("a closed end", function()
  it("raises ClosedError in every call but close [21.2, 3.10]", function()
    local sender, receiver = channel_of(2, "a")
    local other_sender, other_receiver = sender:clone(), receiver:clone()
    close(sender, receiver)
    close(sender, receiver)
    for _, call in ipairs { "send", "try_send", "clone" } do
      says(fails("ClosedError", sender[call], sender, 1),
        "sender:" .. call .. ": this sender is closed")
    end
    for _, call in ipairs { "receive", "try_receive", "clone" } do
      says(fails("ClosedError", receiver[call], receiver),
        "receiver:" .. call .. ": this receiver is closed")
    end
    says(fails("ClosedError", receiver:items(), receiver), "receiver:items")
    assert.same({ 1, 1 }, { sender:statistics().senders,
      sender:statistics().receivers })
    other_sender:send "b" -- each is closed on its own
    assert.equal("a", other_receiver:receive())
    assert.equal("b", other_receiver:receive())
    close(other_sender, other_receiver)
  end)

  it("wakes those who wait on it, in order, and nobody else [21.2, 3.10]",
    function()
      for capacity = 0, 1 do
        local sender, receiver = weft.channel(capacity)
        local senders = { sender, sender:clone() }
        local receivers = { receiver, receiver:clone() }
        local log = {}
        for i = 1, 5 do
          parked(function()
            local ok, result = pcall(receiver.receive, receivers[i % 2 + 1])
            log[#log + 1] = i .. (ok and result or result.name)
          end)
        end
        receivers[2]:close()
        settle()
        assert.same({ "1ClosedError", "3ClosedError", "5ClosedError" }, log)
        assert.equal(2, sender:statistics().receiving)
        sender:send "a"
        sender:send "b"
        settle()
        assert.same({ "2a", "4b" }, { log[4], log[5] })

        for _ = 1, capacity do sender:send(0) end
        log = {}
        for i = 1, 5 do
          parked(function()
            local ok, err = pcall(sender.send, senders[i % 2 + 1], i)
            log[#log + 1] = i .. (ok and "sent" or err.name)
          end)
        end
        senders[2]:close()
        settle()
        assert.same({ "1ClosedError", "3ClosedError", "5ClosedError" }, log)
        for _ = 1, capacity do assert.equal(0, receiver:receive()) end
        assert.equal(2, receiver:receive())
        assert.equal(4, receiver:receive())
        settle()
        assert.same({ "2sent", "4sent" }, { log[4], log[5] })
        close(sender, receiver)
      end
    end)

  it("closed first, cancelled then: ClosedError, Cancelled is next [3.4, 8]",
    function()
      local sender, receiver = weft.channel()
      local first, second
      local task = parked(function()
        first = error_of(receiver.receive, receiver)
        second = error_of(weft.checkpoint)
      end)
      receiver:close()
      task:cancel()
      settle()
      says(first, "this receiver is closed")
      assert.is_true(second:is "CancelledError")
      close(sender)
    end)

  it("cancelled first, closed then: Cancelled [3.3, 8]", function()
    local sender, receiver = weft.channel()
    local err
    local task = parked(function() err = error_of(sender.send, sender, 1) end)
    task:cancel()
    sender:close()
    settle()
    assert.is_true(err:is "CancelledError")
    close(receiver)
  end)

  it("leaves what was handed over before delivered [3.10]", function()
    local sender, receiver = weft.channel()
    local got
    parked(function() got = receiver:receive() end)
    sender:send "x"
    close(receiver, sender)
    settle()
    assert.equal("x", got)
  end)

  it("in cancelled code still raises Cancelled [3.2]", function()
    local sender, receiver = weft.channel()
    close(sender, receiver)
    weft.move_on_after(0, function()
      fails("CancelledError", sender.send, sender, 1)
      fails("CancelledError", receiver.receive, receiver)
    end)
  end)
end)

describe("the last sender's close", function()
  it("lets receivers drain, then raises EndOfStream [21.3]", function()
    local sender, receiver = channel_of(3, 1, 2, 3)
    local other = receiver:clone()
    sender:close()
    assert.equal(1, receiver:receive())
    assert.equal(2, other:try_receive())
    assert.equal(3, other:receive())
    says(fails("EndOfStream", receiver.receive, receiver),
      "receiver:receive: the channel's last sender is closed")
    says(fails("EndOfStream", other.try_receive, other),
      "receiver:try_receive")
    close(receiver, other)
  end)

  it("wakes all who wait with EndOfStream [21.3]", function()
    local sender, receiver = weft.channel()
    local second, log = sender:clone(), {}
    for i = 1, 3 do
      parked(function()
        local err = error_of(receiver.receive, receiver)
        log[#log + 1] = i .. err.name
      end)
    end
    sender:close()
    settle()
    assert.same({}, log) -- there is another one
    second:close()
    settle()
    assert.same({ "1EndOfStream", "2EndOfStream", "3EndOfStream" }, log)
    receiver:close()
  end)

  it("ends items() without error [21.3]", function()
    for capacity = 0, 2 do
      local sender, receiver = weft.channel(capacity)
      local got = {}
      local task = weft.spawn(function()
        for item in receiver:items() do got[#got + 1] = item end
        return "ended"
      end)
      for i = 1, 5 do sender:send(i) end
      sender:send(false)
      sender:close()
      assert.equal("ended", task:await())
      assert.same({ 1, 2, 3, 4, 5, false }, got)
      receiver:close()
    end
  end)

  it("raises ClosedError in those who wait to send on it, for it is closed "
    .. "[21.2]", function()
    local sender, receiver = channel_of(1, "a")
    local err
    parked(function() err = error_of(sender.send, sender, "b") end)
    sender:close()
    settle()
    says(err, "sender:send: this sender is closed")
    assert.equal("a", receiver:receive())
    fails("EndOfStream", receiver.receive, receiver)
    receiver:close()
  end)
end)

describe("the last receiver's close", function()
  it("drops what is stored and makes send a ClosedError, waiting ones too "
    .. "[21.3]", function()
    local sender, receiver = channel_of(1, "a")
    local other, log = sender:clone(), {}
    local second = receiver:clone()
    for i, object in ipairs { sender, other, sender } do
      parked(function()
        local err = error_of(object.send, object, i)
        log[#log + 1] = i .. err.name
        says(err, "sender:send: the channel's last receiver is closed")
      end)
    end
    receiver:close()
    settle()
    assert.same({}, log)
    assert.equal(1, sender:statistics().size)
    second:close()
    assert.equal(0, sender:statistics().size)
    settle()
    assert.same({ "1ClosedError", "2ClosedError", "3ClosedError" }, log)
    says(fails("ClosedError", sender.send, sender, 1), "last receiver")
    says(fails("ClosedError", other.try_send, other, 1), "last receiver")
    close(sender, other)
  end)

  it("holds the items no longer [21.3]", function()
    local sender, receiver = weft.channel(3)
    local weak = setmetatable({ {}, {} }, { __mode = "v" })
    for i = 1, 2 do sender:send(weak[i]) end
    receiver:close()
    collectgarbage()
    assert.same({}, weak)
    sender:close()
  end)
end)

-- -- Looking, collected ------------------------------------------------------

describe("statistics of an end", function()
  it("tell what is there, who is open and who waits", function()
    local sender, receiver = channel_of(2, "a", "b")
    local clone = sender:clone()
    local task = parked(clone.send, clone, "c")
    local expected = {
      size = 2, capacity = 2, senders = 2, receivers = 1, sending = 1,
      receiving = 0,
    }
    assert.same(expected, sender:statistics())
    assert.same(expected, receiver:statistics())
    task:cancel()
    assert.equal(0, receiver:statistics().sending)
    close(sender, clone)
    assert.equal(0, receiver:statistics().senders)
    receiver:close()
    settle()
  end)
end)

describe("an end that is collected while it is open", function()
  local function collect()
    collectgarbage()
    collectgarbage()
    settle()
  end

  it("is closed and reported: a sender [21.4]", function()
    local sender, receiver = channel_of(3, "a")
    assert.is_not_nil(sender)
    sender = nil
    local task = weft.spawn(function()
      assert.equal("a", receiver:receive())
      fails("EndOfStream", receiver.receive, receiver)
    end)
    collect()
    assert.is_nil(sender)
    task:await()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.UNCLOSED, reports[1].kind)
    says(reports[1].err, "a sender of a channel of capacity 3, made at spec/")
    receiver:close()
  end)

  it("is closed and reported: a receiver, its clone being open [21.4, 21.2]",
    function()
      local sender, receiver = weft.channel(1)
      local clone = receiver:clone()
      receiver = nil
      collect()
      assert.is_nil(receiver)
      assert.equal(1, sender:statistics().receivers)
      local reports = testing.reports()
      assert.equal(1, #reports)
      says(reports[1].err, "a receiver of a channel of capacity 1, made at ")
      sender:send "x"
      assert.equal("x", clone:receive())
      close(sender, clone)
    end)

  it("is reported with the other end, where both are dropped [21.4]", function()
    weft.channel(1)
    collect()
    assert.equal(2, #testing.reports())
  end)

  it("is not reported where it was closed, or is waited on [21.4]", function()
    local sender, receiver = weft.channel()
    close(sender:clone())
    local got
    parked(function() got = receiver:receive() end)
    receiver = nil
    collect()
    assert.same({}, testing.reports())
    assert.is_nil(receiver)
    sender:send "x"
    sender:close()
    settle()
    assert.equal("x", got)
    collect()
    assert.equal(1, #testing.reports())
  end)

  it("is not reported by a later run [21.4]", testing.plain(function()
    local kept
    virtual(function() kept = { weft.channel() } end)()
    virtual(function()
      assert.equal(2, #kept)
      kept = nil
      collect()
      assert.is_nil(kept)
      assert.same({}, testing.reports())
    end)()
  end))

  it("says that the channel is of a run that has ended",
    testing.plain(function()
      local sender, receiver
      virtual(function() sender, receiver = weft.channel() end)()
      virtual(function()
        says(fails("ClosedError", receiver.receive, receiver),
          "receiver:receive: the channel is of a run that has ended")
        says(fails("ClosedError", sender.send, sender, 1),
          "sender:send: the channel is of a run that has ended")
      end)()
      close(sender, receiver)
    end))
end)
