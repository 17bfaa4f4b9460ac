--- Listeners: what connections come from.
-- @module weft.listener

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local group = require "weft.group"
local options = require "weft.options"
local report = require "weft.report"
local scope = require "weft.scope"
local stream = require "weft.stream"
local task = require "weft.task"

local fail = errors.fail

local listener = {}

local ECANCELLED, ECLOSED, EBUSY = codes.ECANCELLED, codes.ECLOSED, codes.EBUSY

local own = {
  [ECLOSED] = "the listener is closed",
  [EBUSY] = "another task is in accept",
}

-- Raises what the code of the method `call` means.
local function fail_in(call, code)
  fail(code, own[code] and ("listener:%s: %s"):format(call, own[code]) or nil)
end

-- A listener; it holds the C side's socket.
---@class weft.Listener
local Listener = {}
local metatable = { __name = "weft.Listener", __index = Listener }

--- Makes a listener of a socket of the C side. `context`: that of TLS, or nil.
function listener.wrap(socket, context)
  return setmetatable({ socket, serving = false, context = context }, metatable)
end

--- Waits for a connection. Parks. Raises BusyError if another task is in accept
-- or serve, ClosedError if the listener is or gets closed. Cancelled, it took
-- no connection. With TLS it waits for the handshake too, and raises a TLSError
-- if that fails, as does a cancellation then, the connection closed; serve does
-- not let one client keep the next ones waiting so.
---@return weft.Stream
function Listener:accept()
  if self.serving then
    fail(EBUSY, "listener:accept: the listener is in serve")
  end
  local code, socket = core.listener_accept(self[1])
  if code then fail_in("accept", code) end
  local connection = stream.wrap(socket)
  if not self.context then return connection end
  return require("weft.tls").accept(connection, self.context)
end

--- The address listened on, "127.0.0.1:80", "[::1]:80" or "unix:/path"; of
-- several the first.
---@return string
function Listener:address()
  local code, text = core.listener_address(self[1])
  if code then fail_in("address", code) end
  return text
end

--- All addresses listened on: a host may have several.
---@return string[]
function Listener:addresses()
  local code, texts = core.listener_addresses(self[1])
  if code then fail_in("addresses", code) end
  return texts
end

--- The port listened on: where none was asked for, the one that was free. nil
-- for a unix socket. Raises ClosedError.
---@return number?
function Listener:port()
  local address = self:address()
  if not address:find "^unix:" then return tonumber(address:match "%d+$") end
end

--- Stops listening; who waits in accept gets ClosedError, and serve begins to
-- drain. More than once is fine.
function Listener:close()
  core.listener_close(self[1])
  local drain = self.drain
  if not drain then return end
  self.drain = nil
  self.serving:reschedule(core.now() + drain)
end

-- -- Serving -----------------------------------------------------------------

-- The peer's address, while that is known.
local function peer_of(connection)
  local known, peer = pcall(connection.peer, connection)
  return known and peer or nil
end

-- Who has failed, for the report: the task and the peer.
local function name_with(peer)
  local name = task.current():name()
  return peer and ("%s (%s)"):format(name, peer) or name
end

local function handle_securely(connection, handler, context)
  handler(require("weft.tls").accept(connection, context))
end

-- Runs the handler to its end, and its connection's. With TLS the handshake is
-- part of it: nobody else waits.
local function handle(handler, socket, context)
  local connection = stream.wrap(socket)
  -- After a handshake that has failed nobody knows it any more.
  local peer = context and peer_of(connection)
  local ok, err
  if context then
    ok, err = xpcall(handle_securely, errors.trace, connection, handler,
      context)
  else
    ok, err = xpcall(handler, errors.trace, connection)
  end
  if ok then return connection:exit() end
  local failure = errors.object(err)
  peer = peer or peer_of(connection)
  connection:exit(failure)
  if errors.is_cancelled(failure) then error(failure, 0) end
  -- In a handshake it is the client that fails, and no code of the handler's.
  if context and not connection.secure then failure.traceback = nil end
  report.report(report.FAILURE, name_with(peer), failure)
end

-- Accepts until the listener is closed; returns the code that ends it sooner.
-- Nothing is accepted while no place is free.
local function accept_all(g, self, handler)
  while true do
    group.reserve(g)
    local code, connection = core.listener_accept(self[1])
    if code == ECLOSED then return nil end
    if code == ECANCELLED then fail(code) end
    code = code or group.spawn_in_place(g, handle, handler, connection,
      self.context)
    if code then
      if connection then core.stream_abort(connection) end
      return code
    end
  end
end

-- The group of the handlers. What keeps it from accepting ends them and is
-- raised, as it is: no failure of theirs comes here.
local function serve_in_group(self, handler, limit)
  local code
  group.group(function(g)
    code = accept_all(g, self, handler)
    if code then g:cancel() end
  end, { limit = limit })
  if code then fail_in("serve", code) end
end

local SERVE = {
  limit = options.count(1, true), drain = options.seconds,
}

-- Raises what keeps the listener from serving; for what is closed, Cancelled
-- comes first as it does elsewhere.
local function check_ready(self)
  if self.serving then
    fail(EBUSY, "listener:serve: the listener is in serve already")
  end
  local code = core.listener_check(self[1])
  if code == ECLOSED then code = core.cancel_point "listener:serve" or code end
  if code then fail_in("serve", code) end
end

--- Runs `handler(stream)` for each connection, each in a task of a group of its
-- own. A handler's end closes its stream; its failure, or that of the handshake
-- of TLS before it, is reported and ends that connection only. After
-- `listener:close()` it waits for its handlers and returns true. opts: `limit`,
-- at most so many at once; nothing is accepted then. `drain`: handlers have so
-- many seconds from the close on; those that are left then are cancelled and
-- joined, and it returns false. Cancelled itself, it cancels and joins them at
-- once. Parks.
---@param handler fun(stream: weft.Stream)
---@param opts table?
---@return boolean
function Listener:serve(handler, opts)
  options.expect("listener:serve(handler, opts): handler", options.func,
    handler)
  opts = options.check("listener:serve", opts, SERVE)
  check_ready(self)
  local ok, result = pcall(scope.scope, function(s)
    self.serving, self.drain = s, opts.drain
    serve_in_group(self, handler, opts.limit)
  end)
  self.serving, self.drain = false, nil
  if not ok then error(result, 0) end
  return not result:cancel_called()
end

return listener
