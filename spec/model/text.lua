--- Programs as text, as one would write them in Lua.
local kinds = require "spec.model.kinds"

local text = {}

local add_block

local function add_bodies(lines, program, op, indent)
  for i, body in ipairs(op.bodies) do
    local name = op.tasks and " -- task" .. op.tasks[i] or ""
    table.insert(lines, indent .. "  function()" .. name)
    add_block(lines, program, body, indent .. "    ")
    table.insert(lines, indent .. "  end" .. (op.bodies[i + 1] and "," or ""))
  end
end

local function add_op(lines, program, op, indent)
  local head, tail = kinds.head(program, op)
  table.insert(lines, indent .. head)
  if op.body then add_block(lines, program, op.body, indent .. "  ") end
  if op.bodies then add_bodies(lines, program, op, indent) end
  if tail then table.insert(lines, indent .. tail) end
end

function add_block(lines, program, block, indent)
  for _, op in ipairs(block) do add_op(lines, program, op, indent) end
end

--- The program as text.
function text.of(program)
  local lines = {}
  for i, spec in ipairs(program.objects) do
    local name = kinds.object_name(program, i)
    lines[i] = ("local %s = %s"):format(name,
      kinds.objects[spec.kind].text(spec, name))
  end
  add_block(lines, program, program.body, "")
  if program.joins then
    table.insert(lines, "-- then: cancel and await the tasks of weft.spawn")
  end
  return table.concat(lines, "\n")
end

--- What happened in a run, line by line.
function text.log(program, log)
  local lines = {}
  for _, entry in ipairs(log) do
    local what = entry.wrong and "WRONG: " .. entry.wrong
      or ("task%d  %s  %s"):format(entry.task.id,
        (kinds.head(program, entry.op)), entry.outcome)
    table.insert(lines, ("%4g s  %s"):format(entry.now, what))
  end
  return table.concat(lines, "\n")
end

return text
