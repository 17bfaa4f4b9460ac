--- Context variables: values that go with a task instead of with every call.
--
--   weft examples/40_context_variables.lua
--
-- It prints
--   [-] the server begins
--   [r1] look up ann
--   [r2] look up bob
--   [r1] found ann
--   [r2] found bob
--   [r2, again] look up bob
--   [r2, again] found bob
--   [-] the server ends

local weft = require "weft"

local request_id = weft.context_var("request_id", "-")

-- Nobody has to hand the id down to here.
local function log(text) print(("[%s] %s"):format(request_id:get(), text)) end

local function look_up(name)
  log("look up " .. name)
  weft.sleep(0.01)
  log("found " .. name)
end

-- What a task sets is its own. A task that it spawns begins with a copy.
local function handle(id, name)
  request_id:set(id)
  weft.group(function(group) group:spawn(look_up, name) end)
end

log "the server begins"
weft.group(function(group)
  group:spawn(handle, "r1", "ann")
  group:spawn(handle, "r2", "bob")
end)

-- For a part of a task: with sets the value and sets it back on every way out.
request_id:with("r2, again", function() look_up "bob" end)
log "the server ends"
