--- The kinds of operations and objects that programs are made of.
--
-- Each file in ops/ has some. A kind of operation is a table:
--   weight         how often it is drawn, against the others
--   make(g, on)    a new operation, of the generator g
--   text(op, name, label) its first line as Lua, and the last if it has
--                  blocks; of its object's name and of its own label
--   run(run, task, op)   does it, on weft and in the model
--   on             the kind of object it needs
--   needs_held     it needs a task that has taken the object
--   takes          it takes the object
--   wants, publishes  what other operation it needs: "task", "group", "scope",
--                  "cancellable", any of these; and what it is to others
--   may_last       it may wait for ever
--   may_fail       it fails by its own error easily; such an operation mostly
--                  has `is_tried`: its error goes no further
--   is_calm        it never waits for another task
--   numbers        names of the fields that shrinking may make smaller, each
--                  down to that in `least`, or 0
--   optional       names of the fields that shrinking may take away
-- and an operation is one too: `op`, the name of its kind; `id`, its number;
-- `on`, the number of its object; `target`, that of another operation; `body`
-- or `bodies`, the blocks in it. A kind of object has make(g), text(spec),
-- new(run, spec), and maybe numbers; check(run, object), at the end of main if
-- nothing else runs any more; close(run, object), at the end of main;
-- after(run, object), when the run is over; unlock(run, object), to end a
-- deadlock.
local kinds = { ops = {}, objects = {}, op_names = {}, object_names = {} }

local files = {
  "basic", "scopes", "tasks", "many", "semaphore", "event", "future", "queue",
  "channel", "lock", "barrier", "limiter",
}

local function add(into, names, more)
  for name, kind in pairs(more or {}) do
    assert(not into[name], name)
    into[name] = kind
    table.insert(names, name)
  end
  table.sort(names) -- the order in which they are drawn
end

for _, file in ipairs(files) do
  local more = require("spec.model.ops." .. file)
  add(kinds.ops, kinds.op_names, more.ops)
  add(kinds.objects, kinds.object_names, more.objects)
end

--- The name that the program's text has for its i-th object: queue1.
function kinds.object_name(program, i)
  return program.objects[i].kind .. i
end

--- The first line of an operation's text, and the last.
function kinds.head(program, op)
  local kind = kinds.ops[op.op]
  local head, tail = kind.text(op, op.on and kinds.object_name(program, op.on),
    kind.publishes and kind.publishes .. op.id)
  if op.is_tried then head = "pcall(function() " .. head .. " end)" end
  return head, tail
end

return kinds
