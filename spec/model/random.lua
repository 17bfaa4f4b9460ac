--- Random numbers that are the same everywhere for the same seed, and that
-- nobody else draws on: a xorshift of 32 bits.
local bit = require "bit"

local bxor, lshift, rshift = bit.bxor, bit.lshift, bit.rshift

local random = {}

--- A function that gives whole numbers from 1 to its argument.
function random.new(seed)
  local state = bit.tobit((seed * 40503 + 2166136261) % 2 ^ 32)
  if state == 0 then state = 1 end
  local function draw(n)
    state = bxor(state, lshift(state, 13))
    state = bxor(state, rshift(state, 17))
    state = bxor(state, lshift(state, 5))
    return state % n + 1
  end
  for _ = 1, 4 do draw(1) end -- neighbouring seeds begin alike
  return draw
end

return random
