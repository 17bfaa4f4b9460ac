--- Background tasks: work that goes on beside the rest, until somebody ends it.
--
--   weft examples/32_background_tasks.lua
--
-- It prints
--   order 1 is taken
--   order 2 is taken
--   order 3 is taken
--   mail 1 is sent
--   mail 2 failed: no such address
--   the shop closes, 1 mail is under way
--   mail 3 is cut off
--   cancelled: 1

local weft = require "weft"

-- The tasks are the manager's: it knows them, is told of failures, ends them.
local mails = weft.background {
  on_error = function(err, task)
    print(task:name() .. " failed: " .. err.message)
  end,
}

local function send_mail(number)
  weft.sleep(0.01 * number)
  if number == 2 then error("no such address", 0) end
  print(("mail %d is sent"):format(number))
end

local function send_long_mail(number)
  weft.finally(function() weft.sleep(60) end, function()
    print(("mail %d is cut off"):format(number))
  end)
end

-- Whoever takes an order does not wait for its mail.
local function take_order(number)
  print(("order %d is taken"):format(number))
  mails:spawn("mail " .. number, number < 3 and send_mail or send_long_mail,
    number)
end

for number = 1, 3 do take_order(number) end
weft.sleep(0.1)
print(("the shop closes, %d mail is under way"):format(mails:active_count()))

-- Waits for them, but not for ever; then it cancels the rest. (What weft.spawn
-- starts is a background task, too: it is cancelled when the script ends.)
print("cancelled: " .. mails:shutdown(0.02))
