--- A server for a test: on this machine, on a port that is free.
-- @module weft.testing.server

local errors = require "weft.error"
local finalizers = require "weft.testing.finalizers"
local net = require "weft.net"
local options = require "weft.options"
local task = require "weft.task"

local server = {}

-- A server that runs. `host` and `port` are where; `address` is both, as
-- `net.connect` takes it.
---@class weft.testing.Server
---@field host string
---@field port number
---@field address table
local Server = {}
local metatable = { __name = "weft.testing.Server", __index = Server }

-- The handler, with the connections counted.
local function counting(self, handler)
  return function(stream)
    self.accepted, self.open = self.accepted + 1, self.open + 1
    local ok, err = xpcall(handler, errors.trace, stream)
    self.open = self.open - 1
    if not ok then error(err, 0) end
  end
end

--- How many connections it has had.
---@return number
function Server:count() return self.accepted end

--- How many of them its handlers work on now.
---@return number
function Server:active() return self.open end

--- Connects to it; the stream is closed at the end of the test. Parks.
---@return weft.Stream
function Server:connect()
  return finalizers.use(net.connect(self.address))
end

--- Stops it: nothing is accepted any more, and its handlers are cancelled and
-- joined. Done at the end of the test, too. Parks.
function Server:stop()
  self.listener:close()
  self.serving:cancel "the server is stopped"
  local ok, err = pcall(self.serving.await, self.serving)
  if not ok and not err:is "TaskCancelledError" then error(err, 0) end
end

-- Stopping is what a resource's close does.
Server.close = Server.stop

local OPTIONS = {
  tls = function(value)
    if type(value) ~= "table" then return "options of a server of weft.tls" end
  end,
  limit = options.count(1, true),
}

--- Runs `handler(stream)` for every connection to a port of this machine that
-- nobody else has, until the end of the test. A handler's end closes its
-- stream; its failure is reported, and so fails the test. opts: `limit`, at
-- most so many handlers at once; `tls`, the options of a server of `weft.tls`.
-- Parks.
---@param handler fun(stream: weft.Stream)
---@param opts table?
---@return weft.testing.Server
function server.serve(handler, opts)
  options.expect("serve(handler, opts): handler", options.func, handler)
  opts = options.check("serve(handler, opts)", opts, OPTIONS)
  local listener = net.listen { host = "127.0.0.1", port = 0, tls = opts.tls }
  local self = setmetatable({
    listener = listener, host = "127.0.0.1", port = listener:port(),
    accepted = 0, open = 0,
  }, metatable)
  self.address = { host = self.host, port = self.port }
  self.serving = task.spawn("test server", listener.serve, listener,
    counting(self, handler), { limit = opts.limit })
  return finalizers.use(self)
end

return server
