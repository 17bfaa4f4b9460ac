--- The seed that shuffles the turns of a test.
-- @module weft.testing.seed

local seed = {}

-- The random numbers of Lua are the program's, and those of a test.
local function random()
  local file = io.open("/dev/urandom", "rb")
  local bytes = file and file:read(4)
  if file then file:close() end
  if not bytes then return os.time() % 2 ^ 31 end
  local number = 0
  for _, byte in ipairs { bytes:byte(1, 4) } do number = number * 256 + byte end
  return math.max(number % 2 ^ 31, 1)
end

--- The seed of one run by the option: the number itself, one of its own for
-- "random", nil for none.
---@param option number|string|boolean
---@return number?
function seed.draw(option)
  if option == "random" then return random() end
  return option or nil
end

--- What is told of the seed of a test that failed, "" without one.
---@param number number?
---@return string
function seed.text(number)
  if not number then return "" end
  return ("\n(WEFT_SEED=%d runs the turns in this order again)"):format(number)
end

return seed
