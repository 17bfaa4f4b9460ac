--- A chat server: what one says all get, and who is too slow is cut off.
--
--   weft examples/43_chat_server.lua
--
-- It prints
--   bob reads: bob is here
--   bob reads: ann is here
--   bob reads: ann: hello
--   bob reads: sue is here
--   bob reads: sue was cut off
--   all left by themselves: true

local net = require "weft.net"
local weft = require "weft"

local members = {} -- by name: { queue = what it is to be sent, scope = }

local function say(line)
  for _, member in pairs(members) do
    local slow = member.queue:full()
    if slow then member.scope:cancel() else member.queue:try_put(line) end
  end
end

-- The handler. A cancellation that leaves `with` drops what is unsent.
local function chat(stream)
  local name, queue = stream:read_line(), weft.queue(16)
  local scope = weft.scope(function(scope)
    members[name] = { queue = queue, scope = scope }
    say(name .. " is here")
    weft.with(stream, function()
      weft.gather { function()
        for line in queue:items() do stream:write(line, "\n") end
        stream:shutdown() -- the client reads the end
      end, function()
        for line in stream:lines() do say(name .. ": " .. line) end
        members[name] = nil
        queue:shutdown()
      end }
    end)
  end)
  members[name] = nil
  if scope:cancel_called() then say(name .. " was cut off") end
end

local listener = net.listen { host = "127.0.0.1", port = 0 }
local server = weft.spawn(listener.serve, listener, chat, { drain = 10 })

local at = { host = "127.0.0.1", port = listener:port() }
local bob, ann, sue = net.connect(at), net.connect(at), net.connect(at)
bob:write "bob\n"
for line in bob:lines() do
  if #line < 80 then print("bob reads: " .. line) end
  if line == "bob is here" then ann:write "ann\nhello\n" ann:shutdown() end
  if line == "ann: hello" then sue:write "sue\n" end
  if members.sue then say(("bla "):rep(15000)) end -- sue does not read it
  if line == "sue was cut off" then listener:close() bob:shutdown() end
end
for _, stream in ipairs { bob, ann, sue } do stream:close() end
print("all left by themselves: " .. tostring(server:await()))
