--- Sleeping, yielding, failing, and catching what was raised.
local basic = { ops = {} }

local ops = basic.ops

ops.sleep = {
  weight = 10,
  numbers = { "seconds" },
  make = function(g) return { seconds = g:seconds() } end,
  text = function(op) return ("weft.sleep(%d)"):format(op.seconds) end,
  run = function(run, task, op)
    local world = run.world
    run:wait(task, op, function(wait)
      if op.seconds <= 0 then return world:grant(wait, op.id) end -- [2.5]
      wait.due = world.now() + op.seconds
      wait.order = world:next_order()
      wait.value = op.id
    end, run.api.sleep, op.seconds, op.id)
  end,
}

ops.sleep_forever = {
  weight = 2, may_last = true,
  make = function() return {} end,
  text = function() return "weft.sleep_forever()" end,
  run = function(run, task, op)
    run:wait(task, op, function() end, run.api.sleep_forever)
  end,
}

-- A call that finishes at once, or lets others run first.
local function passing(name, weight)
  ops[name] = {
    weight = weight,
    make = function() return {} end,
    text = function() return ("weft.%s()"):format(name) end,
    run = function(run, task, op)
      run:wait(task, op, function(wait) run.world:grant(wait) end,
        run.api[name])
    end,
  }
end

passing("yield", 6)
passing("checkpoint", 2)

ops.fail = {
  weight = 2,
  make = function() return {} end,
  text = function(op) return ("error(\"fail %d\", 0)"):format(op.id) end,
  run = function(_, _, op) error("fail " .. op.id, 0) end,
}

ops.pcall = {
  weight = 5,
  make = function(g) return { body = g:block() } end,
  text = function() return "pcall(function()", "end)" end,
  run = function(run, task, op) pcall(run.block, run, task, op.body) end,
}

-- It makes a result of any error but Cancelled [6.6, 10.10].
ops.try = {
  weight = 2,
  make = function(g) return { body = g:block() } end,
  text = function() return "weft.try(function()", "end)" end,
  run = function(run, task, op)
    local raised
    local ok, value, err = pcall(run.api.try, function()
      local went_well, failure = pcall(run.block, run, task, op.body)
      raised = not went_well and run.signature(failure)
      if not went_well then error(failure, 0) end
      return op.id
    end)
    local is_cancelled = raised == "CancelledError"
    run:settle(task, op, is_cancelled and raised,
      not raised and op.id or nil, ok, value)
    run.world:check(is_cancelled or not raised
      or run.signature(err) == raised, "%s gives %s for %s",
      run:say(task, op), tostring(err), tostring(raised))
    if not ok then error(value, 0) end
  end,
}

return basic
