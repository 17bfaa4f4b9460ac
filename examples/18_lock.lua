--- A lock: what belongs together is done by one task at a time.
--
--   weft examples/18_lock.lua
--
-- It prints
--   without a lock: 90
--   with a lock: 70
--   no call that waits, no lock: 70

local weft = require "weft"

-- Stands for an account in a database, where to look and to write takes time.
local balance
local function read()
  weft.sleep(0.005)
  return balance
end
local function write(amount)
  weft.sleep(0.005)
  balance = amount
end

-- Three people take 10 of 100, at the same time.
local function take_thrice(take)
  balance = 100
  weft.gather { take, take, take }
  return balance
end

-- Broken: all three read 100, and all three write 90.
print("without a lock: " .. take_thrice(function() write(read() - 10) end))

-- A lock has one owner. `with` waits for its turn (first come, first served),
-- and releases on every way out.
local lock = weft.lock()
print("with a lock: " .. take_thrice(function()
  lock:with(function() write(read() - 10) end)
end))

-- Tasks take turns only at calls that wait. Between them nothing needs a lock.
print("no call that waits, no lock: " .. take_thrice(function()
  balance = balance - 10
end))
