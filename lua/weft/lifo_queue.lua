--- Queues that give the newest item first: stacks to wait at.
-- @module weft.lifo_queue

local queue = require "weft.queue"
local ring = require "weft.ring"

local lifo_queue = {}

local _, metatable = queue.class("lifo_queue", "weft.LifoQueue",
  { init = ring.init, add = ring.push, take = ring.pop })

--- Makes a queue for at most `max` items (nil, zero or less: any number), with
-- the methods of `weft.queue`, that gives the newest item first.
---@param max number?
---@return weft.Queue
function lifo_queue.new(max)
  local object = queue.make(metatable, max)
  return object -- no tail call: errors count the frames
end

return lifo_queue
