--- Makes a program that fails smaller, as long as it fails.
--
-- Each attempt changes the program in place, and takes that back if the failure
-- is gone: blocks lose operations, operations are replaced by what is in them,
-- numbers become smaller, what no operation uses is left out. It ends when no
-- attempt succeeds, or when enough were made.
local kinds = require "spec.model.kinds"
local program = require "spec.model.program"

local shrink = {}

local ATTEMPTS_MAX = 3000

local Shrinker = {}
Shrinker.__index = Shrinker

-- Replaces what is in `list` by what is in `new`; returns what was in it.
local function replace(list, new)
  local old = {}
  for i = 1, #list do old[i] = list[i] end
  for i = 1, math.max(#list, #new) do list[i] = new[i] end
  return old
end

-- Whether the program still fails with `new` in the list; else it is as before.
local function try_list(self, list, new)
  if self.left <= 0 then return false end
  self.left = self.left - 1
  local old = replace(list, new)
  if self.fails() then return true end
  replace(list, old)
  return false
end

local function try_field(self, object, name, value)
  if self.left <= 0 or object[name] == value then return false end
  self.left = self.left - 1
  local old = object[name]
  object[name] = value
  if self.fails() then return true end
  object[name] = old
  return false
end

-- -- Blocks ------------------------------------------------------------------

-- The list without `count` elements from the i-th on, and with those of `more`
-- in their place.
local function spliced(list, i, count, more)
  local new = {}
  for j = 1, i - 1 do new[j] = list[j] end
  for _, element in ipairs(more) do new[#new + 1] = element end
  for j = i + count, #list do new[#new + 1] = list[j] end
  return new
end

-- Takes out as many operations as possible, many at once first.
local function thin_out(self, block)
  local size, changed = #block, false
  while size >= 1 do
    local i = 1
    while i <= #block do
      if try_list(self, block, spliced(block, i, size, {})) then changed = true
      else i = i + size end
    end
    size = math.floor(size / 2)
  end
  return changed
end

-- Replaces operations by what is in them.
local function unwrap(self, block)
  local changed, i = false, 1
  while i <= #block do
    local op, done = block[i], false
    for _, body in ipairs(op.bodies or { op.body }) do
      done = done or try_list(self, block, spliced(block, i, 1, body))
    end
    changed = changed or done
    if not done then i = i + 1 end
  end
  return changed
end

-- Replaces operations that are there only to fail by one that just fails.
local function fail_plainly(self, block)
  local changed = false
  for i, op in ipairs(block) do
    if op.target or op.on or op.body or op.bodies then
      changed = try_list(self, block,
        spliced(block, i, 1, { { op = "fail", id = op.id } })) or changed
    end
  end
  return changed
end

-- Takes out functions of a gather.
local function drop_bodies(self, op)
  local changed = false
  for i = #op.bodies, 2, -1 do
    local bodies, tasks = op.bodies, op.tasks
    op.tasks = spliced(tasks, i, 1, {})
    if try_field(self, op, "bodies", spliced(bodies, i, 1, {})) then
      changed = true
    else
      op.tasks = tasks
    end
  end
  return changed
end

-- -- Numbers and objects -----------------------------------------------------

local function lessen(self, object, kind)
  local changed = false
  for _, name in ipairs(kind.optional or {}) do
    changed = try_field(self, object, name, nil) or changed
  end
  for _, name in ipairs(kind.numbers or {}) do
    local least = kind.least and kind.least[name] or 0
    for value = least, (object[name] or 0) - 1 do
      if try_field(self, object, name, value) then
        changed = true
        break
      end
    end
  end
  return changed
end

local function is_used(made, i)
  local used = false
  program.walk(made.body, function(op) used = used or op.on == i end)
  return used
end

local function shift_objects(made, from, by)
  program.walk(made.body, function(op)
    if op.on and op.on >= from then op.on = op.on + by end
  end)
end

local function drop_objects(self)
  local made, changed = self.program, false
  for i = #made.objects, 1, -1 do
    if not is_used(made, i) then
      shift_objects(made, i + 1, -1)
      if try_list(self, made.objects, spliced(made.objects, i, 1, {})) then
        changed = true
      else
        shift_objects(made, i, 1)
      end
    end
  end
  return changed
end

-- -- The whole ---------------------------------------------------------------

-- All blocks and operations as they are now; what is taken out meanwhile is
-- tried in vain, which does no harm.
local function parts(made)
  local blocks, ops = { made.body }, {}
  program.walk(made.body, function(op)
    ops[#ops + 1] = op
    for _, block in ipairs(op.bodies or { op.body }) do
      blocks[#blocks + 1] = block
    end
  end)
  return blocks, ops
end

local function pass(self)
  local made, changed = self.program, false
  local blocks = parts(made)
  for _, block in ipairs(blocks) do
    changed = thin_out(self, block) or changed
  end
  blocks = parts(made)
  for _, block in ipairs(blocks) do changed = unwrap(self, block) or changed end
  blocks = parts(made)
  for _, block in ipairs(blocks) do
    changed = fail_plainly(self, block) or changed
  end
  local _, ops = parts(made)
  for _, op in ipairs(ops) do
    if op.tasks then changed = drop_bodies(self, op) or changed end
    changed = lessen(self, op, kinds.ops[op.op]) or changed
  end
  for _, spec in ipairs(made.objects) do
    changed = lessen(self, spec, kinds.objects[spec.kind]) or changed
  end
  for _, op in ipairs(ops) do
    if op.is_tried then changed = try_field(self, op, "is_tried") or changed end
  end
  changed = try_field(self, made, "joins", false) or changed
  return drop_objects(self) or changed
end

--- Shrinks the program, for which fails() is true.
function shrink.shrink(made, fails)
  local self = setmetatable(
    { program = made, fails = fails, left = ATTEMPTS_MAX }, Shrinker)
  while self.left > 0 and pass(self) do end
end

return shrink
