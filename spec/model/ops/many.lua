--- Many at once: gather, race and any over functions.
local many = { ops = {} }

local ops = many.ops

-- Each of them runs its functions in a group of its own, which is strict: a
-- child that is cancelled on its own has failed, and the caller's cancellation
-- goes on whatever the children make of it [11.2].

-- How a child ended: its error's name, nil if it finished, false if it was cut
-- off together with the group.
local function end_of(world, group, ok, err, signature)
  if ok then return nil end
  local name = signature(err)
  if name ~= "CancelledError" then return name end
  return not world:cancelled_since(group.scope) and "TaskCancelledError"
end

-- A function for each of op.bodies, and their tasks of the model.
-- `on_end(group, i, name)` is the model's, called as each ends; `keeps` says
-- that failures are no failures of the group.
local function make_children(run, op, group, keeps, on_end)
  local world = run.world
  local functions, children = {}, {}
  for i, body in ipairs(op.bodies) do
    local child = world:new_task(op.tasks[i], group)
    children[i] = child
    functions[i] = function()
      local real = run.api.current_task()
      child.started, child.real_id = true, real:id()
      run:publish({ id = child.id },
        { scope = child.own, real = real, task = child })
      local ok, err = pcall(run.block, run, child, body)
      child.scope = child.own
      local name = end_of(world, group, ok, err, run.signature)
      on_end(group, i, name)
      child.observed = true
      world:end_task(child, ok or (keeps and name ~= false), err)
      if not ok then error(err, 0) end
      return child.id
    end
  end
  return functions, children
end

-- Runs call(functions); decide(group, children, value) then says what was to
-- come of it.
local function run_many(run, task, op, call, keeps, on_end, decide)
  local world = run.world
  if world:cancelled_since(task.scope) then
    return run:wait(task, op, function() end, call, { function()
      world:complain("%s begins in cancelled code", run:say(task, op))
    end })
  end
  local group = world:open_group(task, { strict = true })
  local functions, children = make_children(run, op, group, keeps, on_end)
  world:end_body(group, true)
  local ok, value = pcall(call, functions)
  world:check(group.over and group.at == world.now(),
    "%s ends before or after its functions", run:say(task, op))
  local err, expected = decide(group, children, value)
  run:settle(task, op, err, expected, ok, value)
  if not ok then error(value, 0) end
end

local function report_from(world, failures, from)
  for i = from, #failures do table.insert(world.reports, failures[i]) end
end

local function many_kind(name, weight, text, run)
  ops[name] = {
    weight = weight, has_tasks = true,
    make = function(g)
      local bodies, tasks = {}, {}
      for i = 1, 1 + g.draw(2) do
        bodies[i], tasks[i] = g:task_block(), g:new_id()
      end
      return { bodies = bodies, tasks = tasks }
    end,
    text = text or function() return ("weft.%s {"):format(name), "}" end,
    run = run,
  }
end

-- -- gather ------------------------------------------------------------------

many_kind("gather", 4, nil, function(run, task, op)
  local world = run.world
  run_many(run, task, op, run.api.gather, false, function() end,
    function(group, children, value)
      if group.is_outer then
        report_from(world, group.failures, 1)
        return "CancelledError"
      end
      report_from(world, group.failures, 2) -- [11.4]
      if group.failures[1] then return group.failures[1] end
      if type(value) == "table" then
        world:check(value.n == #children, "%s gives %s results",
          run:say(task, op), tostring(value.n))
        for i, child in ipairs(children) do
          world:check(value[i] == child.id, "%s: result %d is %s",
            run:say(task, op), i, tostring(value[i]))
        end
      end
    end)
end)

many_kind("gather_all", 2, function()
  return "weft.gather({", "}, { return_errors = true })"
end, function(run, task, op)
  local world, failures, ends = run.world, {}, {}
  run_many(run, task, op, function(list)
    return run.api.gather(list, { return_errors = true })
  end, true, function(_, i, name)
    ends[i] = name
    if name then table.insert(failures, name) end
  end, function(group, children, value)
    if group.is_outer then
      report_from(world, failures, 1)
      return "CancelledError"
    end
    if type(value) ~= "table" then return end
    for i, child in ipairs(children) do
      local actual = value[i]
      if type(actual) == "table" then actual = run.signature(actual) end
      world:check(actual == (ends[i] or child.id), "%s: result %d is %s",
        run:say(task, op), i, tostring(actual))
    end
  end)
end)

-- -- race and any ------------------------------------------------------------

many_kind("race", 4, nil, function(run, task, op)
  local world, winner, failure = run.world, nil, nil
  run_many(run, task, op, run.api.race, true, function(group, i, name)
    if name == false then return end
    if winner then
      table.insert(world.reports, name) -- nil: nothing
    else
      winner, failure = i, name
      world:cancel(group.scope) -- [11.11]
    end
  end, function(group, children)
    if group.is_outer then
      table.insert(world.reports, failure)
      return "CancelledError"
    end
    return failure, winner and children[winner].id or "that of a winner"
  end)
end)

many_kind("any", 3, nil, function(run, task, op)
  local world, winner, failures = run.world, nil, {}
  run_many(run, task, op, run.api.any, true, function(group, i, name)
    if name and winner then
      table.insert(world.reports, name) -- [11.12]
    elseif name then
      failures[i] = name
    elseif name == nil and not winner then
      winner = i
      world:cancel(group.scope)
    end
  end, function(group, children)
    if group.is_outer then
      for i = 1, #children do table.insert(world.reports, failures[i]) end
      return "CancelledError"
    elseif winner then
      return nil, children[winner].id
    end
    for i = 1, #children do failures[i] = failures[i] or "nothing" end
    return "ErrorGroup(" .. table.concat(failures, ", ") .. ")"
  end)
end)

return many
