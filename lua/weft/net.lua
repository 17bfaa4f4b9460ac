--- TCP: connecting and listening.
-- @module weft.net

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local listener = require "weft.listener"
local stream = require "weft.stream"

local fail, fail_argument = errors.fail, errors.fail_argument

local net = {}

local EINVAL = codes.EINVAL
local PORT_MAX = 65535

-- -- Arguments ---------------------------------------------------------------

local function check_kind(call, opts)
  if type(opts) == "string" then
    fail_argument(("net.%s: unix sockets are not available; give a table with "
      .. "host and port"):format(call), 4)
  end
  if type(opts) ~= "table" then
    fail_argument(("net.%s: a table with host and port expected, "
      .. "got %s"):format(call, type(opts)), 4)
  end
  if opts.tls then
    fail_argument(("net.%s: TLS is not available"):format(call), 4)
  end
end

local function is_whole(n, least, most)
  return type(n) == "number" and n >= least and n <= most and n % 1 == 0
end

-- Checks what connect and listen have in common.
local function check_options(call, opts, port_min)
  check_kind(call, opts)
  local host, port = opts.host, opts.port
  if type(host) ~= "string" or host == "" or host:find("\0", 1, true) then
    fail_argument(("net.%s: host must be a name or an address, got %s"):format(
      call, type(host) == "string" and ("%q"):format(host) or type(host)), 3)
  end
  if not is_whole(port, port_min, PORT_MAX) then
    fail_argument(("net.%s: port must be a whole number from %d to %d, got "
      .. "%s"):format(call, port_min, PORT_MAX, tostring(port)), 3)
  end
end

-- "127.0.0.1:80" or "[::1]:80"
local function place(opts)
  local form = opts.host:find(":", 1, true) and "[%s]:%d" or "%s:%d"
  return form:format(opts.host, opts.port)
end

local function fail_at(verb, opts, code)
  local _, text = core.error_text(code)
  fail(code, ("%s %s: %s"):format(verb, place(opts), text))
end

-- `failure` tells of each address that was tried.
local function fail_connect(opts, code, failure)
  if not failure then fail_at("connect to", opts, code) end
  local all = failure.cause.errors
  if #all == 1 and all[1].message:find(place(opts), 1, true) == 1 then
    fail(code, "connect to " .. all[1].message, { cause = failure.cause })
  end
  fail(code, ("connect to %s: %s"):format(place(opts), failure.message),
    { cause = failure.cause })
end

-- -- Functions ---------------------------------------------------------------

--- Connects by TCP to `host`, a name or an address, and `port`. The addresses
-- of a name are tried in the resolver's order, families alternating, the next
-- one when the last has failed, or after 0.25 s beside it; the first that
-- answers is taken. Parks. Raises ArgumentError, and OSError with `code` if the
-- name is unknown or no address answers: then the code is that of the first
-- one tried, and `cause` an ErrorGroup of all. There is no time limit but the
-- system's and the scope's. Cancelled, it leaves no connection open.
---@param opts table
---@return weft.Stream
function net.connect(opts)
  check_options("connect", opts, 1)
  local code, socket = core.tcp_connect(opts.host, opts.port)
  if code then fail_connect(opts, code, socket) end
  return stream.wrap(socket)
end

--- Listens by TCP on `host`, an address, and `port`, 0 for any that is free:
-- `listener:port()` tells which. opts also: `backlog`, how many connections
-- may wait to be accepted, by default as many as the system allows. Raises
-- ArgumentError, and OSError with `code` if the address cannot be had.
---@param opts table
---@return weft.Listener
function net.listen(opts)
  check_options("listen", opts, 0)
  if opts.backlog ~= nil and not is_whole(opts.backlog, 1, 2 ^ 31 - 1) then
    fail_argument("net.listen: backlog must be a whole number of at least 1, "
      .. "got " .. tostring(opts.backlog))
  end
  local code, socket = core.tcp_listen(opts.host, opts.port, opts.backlog)
  if code == EINVAL then
    fail_argument(("net.listen: host must be an address, got %q"):format(
      opts.host))
  end
  if code then fail_at("listen on", opts, code) end
  return listener.wrap(socket)
end

--- Opens a UDP socket: see `weft.udp`, whose `open` this is.
---@param opts table?
---@return weft.Udp
function net.udp(opts) return require("weft.udp").open(opts) end

return net
