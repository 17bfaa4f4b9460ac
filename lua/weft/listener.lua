--- Listeners: what connections come from.
-- @module weft.listener

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local group = require "weft.group"
local report = require "weft.report"
local scope = require "weft.scope"
local stream = require "weft.stream"
local task = require "weft.task"

local fail, fail_argument = errors.fail, errors.fail_argument

local listener = {}

local ECLOSED, EBUSY = codes.ECLOSED, codes.EBUSY

-- A listener; it holds the C side's socket.
---@class weft.Listener
local Listener = {}
local metatable = { __name = "weft.Listener", __index = Listener }

--- Makes a listener of a socket of the C side.
function listener.wrap(socket)
  return setmetatable({ socket, serving = false }, metatable)
end

--- Waits for a connection. Parks. Raises BusyError if another task is in accept
-- or serve, ClosedError if the listener is or gets closed. Cancelled, it took
-- no connection.
---@return weft.Stream
function Listener:accept()
  if self.serving then
    fail(EBUSY, "listener:accept: the listener is in serve")
  end
  local code, socket = core.listener_accept(self[1])
  if code then fail(code) end
  return stream.wrap(socket)
end

--- The address listened on, "127.0.0.1:80", "[::1]:80" or "unix:/path"; of
-- several the first.
---@return string
function Listener:address()
  local code, text = core.listener_address(self[1])
  if code then fail(code) end
  return text
end

--- All addresses listened on: a host may have several.
---@return string[]
function Listener:addresses()
  local code, texts = core.listener_addresses(self[1])
  if code then fail(code) end
  return texts
end

--- The port listened on: where none was asked for, the one that was free. nil
-- for a unix socket. Raises ClosedError.
---@return number?
function Listener:port()
  local address = self:address()
  if not address:find "^unix:" then return tonumber(address:match "%d+$") end
end

--- Stops listening; who waits in accept gets ClosedError. More than once is
-- fine.
function Listener:close() core.listener_close(self[1]) end

-- -- Serving -----------------------------------------------------------------

-- Runs the handler to its end, and its connection's.
local function handle(handler, connection)
  local ok, err = xpcall(handler, errors.trace, connection)
  if ok then return connection:exit() end
  local failure = errors.object(err)
  connection:exit(failure)
  if errors.is_cancelled(failure) then error(failure, 0) end
  report.report(report.FAILURE, task.current():name(), failure)
end

-- One place of serve's: waits for a connection, says whether there is one, and
-- serves it. So nothing is accepted while no place is free.
local function serve_next(ready, self, handler)
  local code, socket = core.listener_accept(self[1])
  if code == ECLOSED then return ready(false) end
  if code then fail(code) end
  ready(true)
  return handle(handler, stream.wrap(socket))
end

local function check_serve(self, handler, opts)
  if type(handler) ~= "function" then
    fail_argument("listener:serve(handler, opts): handler must be a function, "
      .. "got " .. type(handler), 3)
  end
  scope.check_limit(opts and opts.limit,
    "listener:serve(handler, opts): limit", 3)
  if self.serving then
    fail(EBUSY, "listener:serve: the listener is in serve already")
  end
end

-- Raises what keeps the listener from serving; for what is closed, Cancelled
-- comes first as it does elsewhere.
local function check_ready(self)
  local code = core.listener_check(self[1])
  if code == ECLOSED then code = core.cancel_point "listener:serve" or code end
  if code then fail(code) end
end

--- Runs `handler(stream)` for each connection, each in a task of a group of its
-- own. A handler's end closes its stream; its failure is reported and ends that
-- connection only. After `listener:close()` it waits for its handlers and
-- returns. opts: `limit`, at most so many at once; nothing is accepted then.
-- Parks.
---@param handler fun(stream: weft.Stream)
---@param opts table?
function Listener:serve(handler, opts)
  check_serve(self, handler, opts)
  check_ready(self)
  self.serving = true
  local ok, err = pcall(group.group, function(g)
    repeat local goes_on = g:start(serve_next, self, handler) until not goes_on
  end, { limit = opts and opts.limit })
  self.serving = false
  if not ok then error(err, 0) end
end

return listener
