--- Channels: each item sent is received exactly once, in order, or dropped with
-- the last receiver.
local channel = { ops = {}, objects = {} }

local ops, objects = channel.ops, channel.objects

-- -- The model ---------------------------------------------------------------

-- The ends of one kind: the real one, whether it is open, who waits on all.
local function new_ends(first, count)
  local ends = { waiters = {}, open = count }
  for i = 1, count do
    ends[i] = { real = i == 1 and first or first:clone(), is_open = true }
  end
  return ends
end

objects.channel = {
  numbers = { "capacity", "senders", "receivers" },
  least = { senders = 1, receivers = 1 },
  make = function(g)
    return { capacity = g.draw(3) - 1, senders = g.draw(2),
      receivers = g.draw(2) }
  end,
  text = function(spec, name)
    return ("open(%d)"):format(spec.capacity)
      .. (" -- %s_s1 to _s%d, %s_r1 to _r%d"):format(name, spec.senders, name,
        spec.receivers)
  end,
  new = function(run, spec)
    local sender, receiver = run.api.channel(spec.capacity)
    return {
      capacity = spec.capacity, items = {},
      senders = new_ends(sender, spec.senders),
      receivers = new_ends(receiver, spec.receivers),
    }
  end,
}

-- Gives the item to the first receiver, or stores it; false if neither can be.
local function pass(run, object, item)
  local wait = run.world:take_first(object.receivers.waiters)
  if wait then
    run.world:grant(wait, item)
    return true
  end
  if #object.items >= object.capacity then return false end
  table.insert(object.items, item)
  return true
end

-- Takes the next item; nil if there is none.
local function take(run, object)
  local item = table.remove(object.items, 1)
  local wait = run.world:take_first(object.senders.waiters)
  if not wait then return item end
  run.world:grant(wait)
  if not item then return wait.item end
  table.insert(object.items, wait.item)
  return item
end

local function close_end(run, ends, one, others, err)
  if not one.is_open then return false end
  one.is_open, ends.open = false, ends.open - 1
  for _, wait in ipairs(ends.waiters) do
    if wait.one == one and run.world:is_waiting(wait) then
      run.world:refuse(wait, "ClosedError")
    end
  end
  if ends.open > 0 then return false end
  run.world:each_waiting(others.waiters, function(wait)
    run.world:refuse(wait, err)
  end)
  return true
end

local function close_sender(run, object, one)
  close_end(run, object.senders, one, object.receivers, "EndOfStream")
end

local function close_receiver(run, object, one)
  if close_end(run, object.receivers, one, object.senders, "ClosedError") then
    object.items = {} -- [21.3]
  end
end

-- -- The object --------------------------------------------------------------

local function check(run, object)
  local is = object.senders[1].real:statistics()
  local sending = run.world:count_waiting(object.senders.waiters)
  local receiving = run.world:count_waiting(object.receivers.waiters)
  run.world:check(is.size == #object.items and is.sending == sending
    and is.receiving == receiving, "a channel has %d items, %d tasks that send "
      .. "and %d that receive, but by the rules %d, %d and %d", is.size,
    is.sending, is.receiving, #object.items, sending, receiving)
end

-- What is left is received in the order of the model.
function objects.channel.check(run, object)
  check(run, object)
  for _, one in ipairs(object.receivers) do
    while one.is_open and object.items[1] do
      local expected = take(run, object)
      local ok, value = pcall(one.real.try_receive, one.real)
      run.world:check(ok and value == expected,
        "%s is left in a channel, but by the rules %s", tostring(value),
        tostring(expected))
    end
  end
end

-- Ends that are open when they are collected would be reported.
function objects.channel.close(run, object)
  for _, one in ipairs(object.senders) do
    close_sender(run, object, one)
    one.real:close()
  end
  for _, one in ipairs(object.receivers) do
    close_receiver(run, object, one)
    one.real:close()
  end
end

-- -- Operations --------------------------------------------------------------

-- An operation on an end: `side` is "senders" or "receivers". call(run, task,
-- op, object, one, others) does it.
local function end_op(name, side, kind, call)
  local letter = side:sub(1, 1)
  kind.on, kind.numbers, kind.least = "channel", { "which" }, { which = 1 }
  kind.make = function(g) return { which = g:one_of { 1, 1, 2 } } end
  kind.text = function(op, label)
    local argument = name:find "send" and "item" .. op.id or ""
    return ("%s_%s%d:%s(%s)"):format(label, letter, op.which,
      name:match "[^.]*$", argument)
  end
  kind.run = function(run, task, op)
    local object = run.objects[op.on]
    local one = object[side][op.which]
    if not one then return end
    call(run, task, op, object, one)
    check(run, object)
  end
  ops["channel." .. name] = kind
end

local function item_of(op) return "item" .. op.id end

-- Why a send fails at once.
local function send_error(object, one)
  return (not one.is_open or object.receivers.open == 0) and "ClosedError"
end

end_op("send", "senders", { weight = 10, may_last = true },
  function(run, task, op, object, one)
    run:wait(task, op, function(wait)
      wait.item, wait.one = item_of(op), one
      local err = send_error(object, one)
      if err then return run.world:refuse(wait, err) end
      if pass(run, object, wait.item) then return run.world:grant(wait) end
      table.insert(object.senders.waiters, wait)
    end, one.real.send, one.real, item_of(op))
  end)

end_op("try_send", "senders", { weight = 3, is_calm = true, may_fail = true },
  function(run, task, op, object, one)
    local err = send_error(object, one)
    if not err and not pass(run, object, item_of(op)) then err = "QueueFull" end
    run:call(task, op, err, nil, one.real.try_send, one.real, item_of(op))
  end)

end_op("receive", "receivers", { weight = 10, may_last = true },
  function(run, task, op, object, one)
    run:wait(task, op, function(wait)
      wait.one = one
      if not one.is_open then return run.world:refuse(wait, "ClosedError") end
      local item = take(run, object)
      if item then return run.world:grant(wait, item) end
      if object.senders.open == 0 then
        return run.world:refuse(wait, "EndOfStream")
      end
      table.insert(object.receivers.waiters, wait)
    end, one.real.receive, one.real)
  end)

end_op("try_receive", "receivers",
  { weight = 3, is_calm = true, may_fail = true },
  function(run, task, op, object, one)
    local item = one.is_open and take(run, object) or nil
    local err = not one.is_open and "ClosedError"
      or not item and (object.senders.open == 0 and "EndOfStream"
        or "QueueEmpty")
    run:call(task, op, err, item, one.real.try_receive, one.real)
  end)

end_op("sender.close", "senders", { weight = 2, is_calm = true },
  function(run, task, op, object, one)
    close_sender(run, object, one)
    run:call(task, op, nil, nil, one.real.close, one.real)
  end)

end_op("receiver.close", "receivers", { weight = 2, is_calm = true },
  function(run, task, op, object, one)
    close_receiver(run, object, one)
    run:call(task, op, nil, nil, one.real.close, one.real)
  end)

return channel
