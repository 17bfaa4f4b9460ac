--- A ring: items in a row, to be taken off either end.
--
-- The row lies in a table whose size is a power of two, wrapped round its end.
-- The table doubles when it is full and halves when it is nearly empty, so a
-- long row leaves nothing behind. The functions work on the fields of whatever
-- object has called `init`; its `count` is the number of items.
-- @module weft.ring

local band = require("bit").band
local new_table = require "table.new"

local ring = {}

local SLOTS_MIN = 8
-- A table of up to so many slots is not worth being replaced by a smaller one.
local SLOTS_KEPT = 512

--- Gives `self` an empty row.
---@param self table
function ring.init(self)
  self.slots = new_table(SLOTS_MIN - 1, 0) -- slot 0 is there without asking
  self.first = 0 -- the slot of the oldest item
  self.count = 0
  self.mask = SLOTS_MIN - 1
  self.count_min = 0 -- below it the table halves
end

-- Moves the row into a table of `count` slots.
local function move(self, count)
  local slots, first, mask = self.slots, self.first, self.mask
  local moved = new_table(count - 1, 0)
  for i = 0, self.count - 1 do moved[i] = slots[band(first + i, mask)] end
  self.slots, self.first, self.mask = moved, 0, count - 1
  self.count_min = count > SLOTS_KEPT and count / 8 or 0
end

--- Adds an item, which is not nil, as the newest.
---@param self table
---@param item any
function ring.push(self, item)
  local count = self.count
  if count > self.mask then move(self, count * 2) end
  self.slots[band(self.first + count, self.mask)] = item
  self.count = count + 1
end

--- Takes the oldest item off; there is one.
---@param self table
---@return any
function ring.shift(self)
  local slots, first, count = self.slots, self.first, self.count - 1
  local item = slots[first]
  slots[first] = nil
  self.first = band(first + 1, self.mask)
  self.count = count
  if count < self.count_min then move(self, (self.mask + 1) / 2) end
  return item
end

--- Takes the newest item off; there is one.
---@param self table
---@return any
function ring.pop(self)
  local slots, count = self.slots, self.count - 1
  local last = band(self.first + count, self.mask)
  local item = slots[last]
  slots[last] = nil
  self.count = count
  if count < self.count_min then move(self, (self.mask + 1) / 2) end
  return item
end

return ring
