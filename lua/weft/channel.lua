--- Channels: a way from those who send to those who receive.
--
-- Each end is an object of its own, may be cloned, and is closed on its own.
-- All senders wait in one line, all receivers in another, whichever end they
-- use; an end notes who waits on it, for its close to wake. Receivers wait only
-- while nothing is stored and nobody waits to send, senders only while the
-- channel is full and nobody waits to receive. So whoever is woken has what it
-- waited for, and who comes in between finds nothing.
-- @module weft.channel

local codes = require "weft.codes"
local core = require "weft.core"
local call_soon = require("weft.call").soon
local direct = require "weft.direct"
local errors = require "weft.error"
local report = require "weft.report"
local ring = require "weft.ring"
local site = require "weft.site"
local stats = require "weft.stats"
local waiters = require "weft.waiters"
local is_count = require("weft.scope").is_count

local channel = {}

local ECLOSED, EEND, EBADF = codes.ECLOSED, codes.EEND, codes.EBADF
local spend = direct.spend
local push, shift = ring.push, ring.shift
local give, park = waiters.give, waiters.park

-- The end of a channel that sends.
---@class weft.Sender
local Sender = { word = "sender" }
local sender_metatable = { __name = "weft.Sender", __index = Sender }

-- The end of a channel that receives.
---@class weft.Receiver
local Receiver = { word = "receiver" }
local receiver_metatable = { __name = "weft.Receiver", __index = Receiver }

-- -- Ends ---------------------------------------------------------------------

local function close_orphan(self)
  if not self.open then return end
  self:close()
  report.report(report.UNCLOSED, nil, errors.classes.InvalidStateError(
    ("a %s of a channel of capacity %s%s; close it"):format(self.word,
      self.channel.capacity, self.place and ", made at " .. self.place or "")))
end

-- What an end holds to be closed by when it is collected. A finaliser may run
-- in the middle of anything, so it only queues the closing.
local function new_guard(self)
  local guard, run = newproxy(true), core.run_id()
  getmetatable(guard).__gc = function()
    if not self.open or not core.is_running() or core.run_id() ~= run then
      return
    end
    call_soon(close_orphan, self)
  end
  return guard
end

local function new_end(metatable, shared)
  local word = metatable.__index.word
  shared.ends[word] = shared.ends[word] + 1
  local self = setmetatable({
    channel = shared,
    open = true,
    seats = {}, -- of the tasks that wait on this end
    place = site.on and site.here() or nil,
  }, metatable)
  self.guard = new_guard(self)
  return self
end

--- Makes a channel that stores up to `capacity` items, 0 by default: then a
-- send returns when a receiver has its item. Returns its two ends, of which
-- there may be more (`clone`); each is to be closed.
---@param capacity number?
---@return weft.Sender
---@return weft.Receiver
function channel.new(capacity)
  capacity = capacity or 0
  if capacity ~= math.huge and not is_count(capacity, 0) then
    errors.fail_argument("channel(capacity): capacity must be a whole number "
      .. "of 0 or more, or math.huge, got " .. errors.shown(capacity))
  end
  local shared = {
    capacity = capacity,
    room = capacity, -- send stores while there are fewer items
    ends = { sender = 0, receiver = 0 }, -- open ones
    senders = waiters.new("channel (to send)", "weft.channel"),
    receivers = waiters.new("channel (to receive)", "weft.channel"),
  }
  ring.init(shared)
  local sender = new_end(sender_metatable, shared)
  stats.list(sender, "channel")
  return sender, new_end(receiver_metatable, shared)
end

-- -- Failing ------------------------------------------------------------------

local function raise(class, self, call, text)
  text = ("%s:%s: %s"):format(self.word, call, text)
  error(errors.trace(errors.classes[class](text)), 0)
end

local function check_item(item, call)
  if item ~= nil then return end
  errors.fail_argument(("sender:%s(v): v must not be nil, which is no item")
    :format(call), 3)
end

local function check_open(self, call)
  if not self.open then
    raise("ClosedError", self, call, "this " .. self.word .. " is closed")
  end
end

local function check_receivers(self, call)
  if self.channel.ends.receiver == 0 then
    raise("ClosedError", self, call, "the channel's last receiver is closed, "
      .. "nobody will get the item")
  end
end

local function fail_end(self, call)
  raise("EndOfStream", self, call, "the channel's last sender is closed, and "
    .. "nothing is left")
end

-- What the code means that a wait in `call` has ended with.
local function fail_wait(self, call, code)
  if code == ECLOSED then
    check_open(self, call)
    check_receivers(self, call)
  end
  if code ~= EBADF then errors.fail(code) end
  raise("ClosedError", self, call, "the channel is of a run that has ended; "
    .. "make one in this run")
end

-- -- Sending ------------------------------------------------------------------

-- Gives the item to the first receiver, or stores it; false if neither can be.
local function pass(shared, item)
  if shared.receivers.count > 0 and give(shared.receivers, item) then
    return true
  end
  if shared.count >= shared.room then return false end
  push(shared, item)
  return true
end

local function send_slowly(self, item)
  check_item(item, "send")
  local code = core.cancel_point "sender:send"
  if code then errors.fail(code) end
  check_open(self, "send")
  check_receivers(self, "send")
  local shared = self.channel
  if pass(shared, item) then
    core.spend "sender:send"
    return
  end
  code = park(shared.senders, "sender:send", item, self.seats)
  if code then fail_wait(self, "send", code) end
end

--- Sends `item`. Parks while the channel is full. Cancelled, it sent nothing.
---@param item any not nil
function Sender:send(item)
  local shared = self.channel
  if item ~= nil and self.open
    and (shared.count < shared.room or shared.receivers.count > 0)
    and spend() and pass(shared, item) then return end
  return send_slowly(self, item)
end

--- Sends `item` or raises QueueFull.
---@param item any not nil
function Sender:try_send(item)
  check_item(item, "try_send")
  check_open(self, "try_send")
  check_receivers(self, "try_send")
  local shared = self.channel
  if pass(shared, item) then return end
  raise("QueueFull", self, "try_send", shared.capacity == 0
    and "nobody waits to receive; send waits for a receiver"
    or ("the channel holds %s items already, its capacity; send waits for room")
      :format(shared.count))
end

-- -- Receiving ----------------------------------------------------------------

-- Takes the oldest item, nil if there is none; a place that comes free takes in
-- the first sender's item.
local function take(shared)
  if shared.count == 0 then
    if shared.senders.count == 0 then return nil end
    return waiters.take(shared.senders)
  end
  local item = shift(shared)
  if shared.senders.count > 0 then
    local next_item = waiters.take(shared.senders)
    if next_item ~= nil then push(shared, next_item) end
  end
  return item
end

-- Returns nil at the end of the stream.
local function receive_slowly(self, call, name)
  local code = core.cancel_point(name)
  if code then errors.fail(code) end
  check_open(self, call)
  local shared = self.channel
  local item = take(shared)
  if item ~= nil then
    core.spend(name)
    return item
  end
  if shared.ends.sender == 0 then return nil end
  code, item = park(shared.receivers, name, nil, self.seats)
  if code and code ~= EEND then fail_wait(self, call, code) end
  return item
end

local function receive_or_fail(self)
  local item = receive_slowly(self, "receive", "receiver:receive")
  if item == nil then fail_end(self, "receive") end
  return item
end

-- The fast way to an item; nil if it has to be the slow one.
local function receive_fast(self)
  local shared = self.channel
  if self.open and (shared.count > 0 or shared.senders.count > 0)
    and spend() then
    return take(shared)
  end
  return nil
end

--- Takes the oldest item. Parks while there is none. Cancelled, it took none.
---@return any
function Receiver:receive()
  local item = receive_fast(self)
  if item ~= nil then return item end
  return receive_or_fail(self)
end

--- Takes the oldest item or raises QueueEmpty.
---@return any
function Receiver:try_receive()
  check_open(self, "try_receive")
  local shared = self.channel
  local item = take(shared)
  if item ~= nil then return item end
  if shared.ends.sender == 0 then fail_end(self, "try_receive") end
  return raise("QueueEmpty", self, "try_receive",
    "nothing is there; receive waits for an item")
end

local function next_item(self)
  local item = receive_fast(self)
  if item ~= nil then return item end
  return receive_slowly(self, "items", "receiver:items")
end

--- For loops: receives until the last sender is closed and nothing is left.
-- Parks.
---@return fun(): any what can be called for the next item: the receiver itself,
-- for that is compiled better than a function of its own
function Receiver:items() return self end
receiver_metatable.__call = next_item

-- -- Cloning and closing ------------------------------------------------------

--- Makes another sender of the same channel, to be closed on its own.
---@return weft.Sender
function Sender:clone()
  check_open(self, "clone")
  return new_end(sender_metatable, self.channel)
end

--- Makes another receiver of the same channel, to be closed on its own.
---@return weft.Receiver
function Receiver:clone()
  check_open(self, "clone")
  return new_end(receiver_metatable, self.channel)
end

-- Wakes those who wait in `line` on this end. True if it was the last one.
local function close_end(self, line)
  local ends = self.channel.ends
  self.open = false
  ends[self.word] = ends[self.word] - 1
  waiters.wake_seats(line, self.seats, ECLOSED)
  return ends[self.word] == 0
end

--- Closes this sender; who waits on it gets ClosedError. When the last one is
-- closed, receivers take what is left, then get EndOfStream. More than once is
-- fine.
function Sender:close()
  local shared = self.channel
  if self.open and close_end(self, shared.senders) then
    waiters.wake_all(shared.receivers, EEND)
  end
end

--- Closes this receiver; who waits on it gets ClosedError. When the last one is
-- closed, what is stored is dropped, and senders get ClosedError. More than
-- once is fine.
function Receiver:close()
  local shared = self.channel
  if self.open and close_end(self, shared.receivers) then
    ring.init(shared)
    shared.room = 0
    waiters.wake_all(shared.senders, ECLOSED)
  end
end

-- -- Looking ------------------------------------------------------------------

--- What the channel holds, and who is there: `size` and `capacity`, the number
-- of open `senders` and `receivers`, and of tasks that wait, `sending` and
-- `receiving`.
---@return table
function Sender:statistics()
  local shared = self.channel
  return {
    size = shared.count,
    capacity = shared.capacity,
    senders = shared.ends.sender,
    receivers = shared.ends.receiver,
    sending = waiters.waiting(shared.senders),
    receiving = waiters.waiting(shared.receivers),
  }
end

Receiver.statistics = Sender.statistics

return channel
