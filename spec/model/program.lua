--- Programs: random ones, and walking through what is in them.
--
-- A program is a table: `objects`, its primitives; `body`, the block of its
-- main task, a list of operations (kinds.lua); `joins`, whether main waits for
-- what it has left in the background. Nothing in it is a function, and the seed
-- alone decides all of it.
local kinds = require "spec.model.kinds"
local random = require "spec.model.random"

local program = {}

local DEPTH_MAX = 5
local SECONDS = { -1, 0, 0, 1, 1, 1, 2, 2, 3, 4 }

-- What makes a program; kinds of operations are given it.
local Generator = {}
Generator.__index = Generator

-- -- What kinds ask for ------------------------------------------------------

--- True once in n times.
function Generator:chance(n) return self.draw(n) == 1 end

function Generator:one_of(list) return list[self.draw(#list)] end

--- A time to wait for: short, so that times often coincide.
function Generator:seconds() return self:one_of(SECONDS) end

function Generator:new_id()
  self.id = self.id + 1
  return self.id
end

--- The innermost group around; nil if there is none.
function Generator:inner_group() return self.groups[#self.groups] end

--- Runs `fn` with `op` as the innermost group.
function Generator:in_group(op, fn)
  op.id = self:new_id()
  table.insert(self.groups, op)
  fn()
  table.remove(self.groups)
end

--- A block that is run with the object `on` taken.
function Generator:holding_block(on)
  local before = self.held
  self.held = on
  local block = self:block()
  self.held = before
  return block
end

-- -- Blocks ------------------------------------------------------------------

-- How often an operation of the kind is drawn here, against the others.
local function weight_of(self, name, is_calm)
  local kind, weight = kinds.ops[name], self.weights[name]
  if is_calm and not kind.is_calm then return 0 end
  if kind.on and not self.by_kind[kind.on] then return 0 end
  if kind.on == self.theme then weight = weight * 6 end
  if kind.takes and self.held and not self:chance(10) then return 0 end
  if not kind.needs_held then return weight end
  return self.held and weight * 10 or self:chance(10) and weight or 0
end

local function draw_kind(self, is_calm)
  local total, weights = 0, {}
  for i, name in ipairs(kinds.op_names) do
    weights[i] = weight_of(self, name, is_calm)
    total = total + weights[i]
  end
  local left = total > 0 and self.draw(total) or 0
  for i, name in ipairs(kinds.op_names) do
    left = left - weights[i]
    if weights[i] > 0 and left <= 0 then return name end
  end
end

-- An operation of the kind.
local function make_op(self, name)
  self.left = self.left - 1
  local kind = kinds.ops[name]
  local on = kind.needs_held and self.held or nil
  if kind.on then on = on or self:one_of(self.by_kind[kind.on]) end
  local op = kind.make(self, on)
  op.op, op.id, op.on = name, op.id or self:new_id(), on
  if kind.may_fail then op.is_tried = not self:chance(6) end
  return op
end

-- Half of the waits that may last for ever are given a time, or a program would
-- soon stand still.
local function new_op(self, is_calm)
  local name = draw_kind(self, is_calm)
  if not name then return nil end
  local op = make_op(self, name)
  if not kinds.ops[name].may_last or self:chance(2) then return op end
  return { op = "move_on_after", id = self:new_id(), seconds = self.draw(5),
    body = { op } }
end

local function new_block(self, size, is_calm)
  local block = {}
  if self.depth >= DEPTH_MAX then return block end
  self.depth = self.depth + 1
  for _ = 1, size do
    if self.left <= 0 then break end
    table.insert(block, new_op(self, is_calm))
  end
  self.depth = self.depth - 1
  return block
end

--- A block of operations.
function Generator:block() return new_block(self, self.draw(4), false) end

--- The block of a task.
function Generator:task_block()
  local before = self.held
  self.held = nil
  local block = new_block(self, self.draw(5), false)
  self.held = before
  return block
end

--- A block that does not wait for anybody.
function Generator:calm_block()
  return new_block(self, self.draw(3) - 1, true)
end

-- -- The whole ---------------------------------------------------------------

--- Calls fn(op, block, i) for all operations in a block, outer ones first.
function program.walk(block, fn)
  for i, op in ipairs(block) do
    fn(op, block, i)
    if op.body then program.walk(op.body, fn) end
    for _, body in ipairs(op.bodies or {}) do program.walk(body, fn) end
  end
end

--- The number of operations.
function program.size(made)
  local count = 0
  program.walk(made.body, function() count = count + 1 end)
  return count
end

-- What there is to be cancelled, awaited and so on: number and label by what is
-- wanted.
local function find_targets(block)
  local found = { scope = {}, task = {}, group = {}, cancellable = {} }
  program.walk(block, function(op)
    local what = kinds.ops[op.op].publishes
    local target = what and { id = op.id, label = what .. op.id }
    if what then
      table.insert(found[what], target)
      table.insert(found.cancellable, target)
    end
    for _, id in ipairs(op.tasks or {}) do
      table.insert(found.cancellable, { id = id, label = "task" .. id })
    end
  end)
  return found
end

local function remove(block, op)
  for i = #block, 1, -1 do
    if block[i] == op then table.remove(block, i) end
  end
end

-- Gives each operation that needs another one some such, or takes it out.
local function aim(self, block)
  local found, hopeless = find_targets(block), {}
  program.walk(block, function(op, inside)
    local wanted = kinds.ops[op.op].wants
    if not wanted then return end
    if not op.target and found[wanted][1] then
      op.target = self:one_of(found[wanted]).id
    end
    if not op.target then hopeless[op] = inside end
  end)
  for op, inside in pairs(hopeless) do remove(inside, op) end
  local labels = {}
  for _, target in ipairs(found.cancellable) do
    labels[target.id] = target.label
  end
  program.walk(block, function(op)
    if op.target then op.label = labels[op.target] end
  end)
end

-- Each program has its favourites and lacks some kinds altogether: what is rare
-- in all programs together is then common in some. Each has an object, its
-- theme, which it uses much.
local function draw_weights(self)
  self.weights = {}
  for _, name in ipairs(kinds.op_names) do
    self.weights[name] = kinds.ops[name].weight * self:one_of { 0, 1, 1, 2 }
  end
end

local function draw_objects(self)
  local objects = {}
  self.by_kind = {}
  for i = 1, self.draw(3) do
    local name = self:one_of(kinds.object_names)
    objects[i] = kinds.objects[name].make(self)
    objects[i].kind = name
    self.by_kind[name] = self.by_kind[name] or {}
    table.insert(self.by_kind[name], i)
  end
  self.theme = objects[1].kind
  return objects
end

-- The main task's block: some tasks that run at once, then anything.
local function new_main(self)
  local block, crowd = {}, { op = "group" }
  for i = 1, self.draw(3) - 1 do block[i] = make_op(self, "spawn") end
  self:in_group(crowd, function()
    crowd.body = {}
    for i = 1, 1 + self.draw(3) do
      crowd.body[i] = make_op(self, "group_spawn")
    end
    for _, op in ipairs(self:block()) do table.insert(crowd.body, op) end
  end)
  table.insert(block, crowd)
  for _, op in ipairs(self:block()) do table.insert(block, op) end
  return block
end

--- The program of a seed.
function program.generate(seed)
  local draw = random.new(seed)
  local self = setmetatable({
    draw = draw, id = 0, depth = 0, groups = {}, left = 8 + draw(30),
  }, Generator)
  draw_weights(self)
  local made = { objects = draw_objects(self), joins = draw(3) > 1 }
  made.body = new_main(self)
  aim(self, made.body)
  return made
end

return program
