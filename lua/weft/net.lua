--- Connecting and listening: by TCP, and by unix sockets.
-- @module weft.net

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local listener = require "weft.listener"
local options = require "weft.options"
local stream = require "weft.stream"

local fail, fail_argument = errors.fail, errors.fail_argument

local net = {}

local ENAMETOOLONG = codes.ENAMETOOLONG
local PORT_MAX, BACKLOG_MAX = 65535, 2 ^ 31 - 1
local HOST_BYTES = 255 -- no name of the DNS is longer

-- -- Options -----------------------------------------------------------------

local function is_text(value)
  return type(value) == "string" and value ~= ""
    and not value:find("\0", 1, true)
end

local function host_kind(value)
  if not is_text(value) or #value > HOST_BYTES then
    return "a name or an address"
  end
end

local function path_kind(value)
  if not is_text(value) then return "a path" end
end

local function whole(least, most)
  return function(value)
    if type(value) == "number" and value >= least and value <= most
      and value % 1 == 0 then
      return nil
    end
    return ("a whole number from %d to %d"):format(least, most)
  end
end

-- Lua has no octal numbers, and 660 would be another mode than "660".
local function mode_kind(value)
  if type(value) ~= "string" or not value:find "^0?[0-7][0-7][0-7]$" then
    return 'three octal digits in a string, as "660"'
  end
end

-- What is in them, and whether a context is a client's, weft.tls looks at.
local function client_tls(value)
  if type(value) ~= "boolean" and type(value) ~= "table" then
    return "true, or options or a context of weft.tls"
  end
end

local function server_tls(value)
  if value ~= false and type(value) ~= "table" then
    return "options or a context of weft.tls, as { cert =, key = }"
  end
end

local connect_tcp = {
  host = host_kind, port = whole(1, PORT_MAX), tls = client_tls,
}
local connect_unix = { path = path_kind, tls = client_tls }
local listen_tcp = {
  host = host_kind, port = whole(0, PORT_MAX), backlog = whole(1, BACKLOG_MAX),
  reuseport = options.flag, ipv6only = options.flag, tls = server_tls,
}
local listen_unix = {
  path = path_kind, backlog = whole(1, BACKLOG_MAX), mode = mode_kind,
  tls = server_tls,
}

-- The options as a table; a unix socket is known by its `path`.
local function options_of(call, opts)
  if type(opts) == "table" then return opts end
  local path = type(opts) == "string" and opts:match "^unix:(.*)$"
  if path then return { path = path } end
  fail_argument(call .. ': a table with host and port, or "unix:/path", '
    .. "expected, got " .. errors.shown(opts), 3)
end

local function need_tls(call)
  local ok, found = pcall(require, "weft.tls")
  if ok then return found end
  fail_argument(call .. ": tls needs the extension weft.tls, which does not "
    .. "load: " .. tostring(found), 3)
end

-- -- Failures ----------------------------------------------------------------

-- "127.0.0.1:80", "[::1]:80" or "unix:/path"
local function place(opts)
  if opts.path then return "unix:" .. opts.path end
  local form = opts.host:find(":", 1, true) and "[%s]:%d" or "%s:%d"
  return form:format(opts.host, opts.port)
end

local function fail_at(verb, opts, code)
  if code == ENAMETOOLONG then
    fail_argument(("%s %s: the path of a unix socket has at most %d bytes, "
      .. "this one %d"):format(verb, place(opts), core.unix_path_max(),
      #opts.path), 3)
  end
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

-- -- Connecting --------------------------------------------------------------

local function check_connect(opts)
  if opts.path ~= nil then
    options.check("net.connect", opts, connect_unix)
    return
  end
  options.check("net.connect", opts, connect_tcp)
  options.expect("net.connect: host", host_kind, opts.host, 3)
  options.expect("net.connect: port", connect_tcp.port, opts.port, 3)
end

local function open_connection(opts)
  if opts.path then return core.unix_connect(opts.path) end
  return core.tcp_connect(opts.host, opts.port)
end

--- Connects by TCP to `host`, a name or an address, and `port`; or to the unix
-- socket at `path`, for which the string "unix:/path" will do, "@name" being
-- one that is in no file system. Parks; there is no time limit but the
-- system's and the scope's. Cancelled, it leaves no connection open.
--
-- The addresses of a name are tried in the resolver's order, families
-- alternating, the next one when the last has failed, or after 0.25 s beside
-- it; the first that answers is taken. Raises ArgumentError, and OSError with
-- `code`: if no address answers, that of the first one tried, and `cause` is
-- an ErrorGroup of all.
--
-- `tls`: true, or options or a context of `weft.tls`: there is a handshake, and
-- the stream speaks TLS. `host` is the name that the certificate is to be for.
-- What goes wrong with that is a TLSError.
---@param opts table|string
---@return weft.Stream
function net.connect(opts)
  opts = options_of("net.connect", opts)
  check_connect(opts)
  local secure = opts.tls
    and need_tls("net.connect").connector(opts.tls, opts.host)
  local code, socket = open_connection(opts)
  if code then fail_connect(opts, code, socket) end
  local connection = stream.wrap(socket)
  return secure and secure(connection) or connection
end

-- -- Listening ---------------------------------------------------------------

local function open_tcp(opts)
  options.check("net.listen", opts, listen_tcp)
  options.expect("net.listen: port", listen_tcp.port, opts.port, 3)
  return core.tcp_listen(opts.host or "*", opts.port, opts.backlog,
    opts.reuseport, opts.ipv6only)
end

local function open_unix(opts)
  options.check("net.listen", opts, listen_unix)
  if opts.mode and opts.path:sub(1, 1) == "@" then
    fail_argument(("net.listen: mode: %s is in no file system, and has no "
      .. "permissions"):format(place(opts)), 3)
  end
  return core.unix_listen(opts.path, opts.mode and tonumber(opts.mode, 8),
    opts.backlog)
end

--- Listens by TCP on all addresses of `host`, a name or an address, or of the
-- machine where there is none or it is "*", and `port`, 0 for any that is free:
-- `listener:port()` tells which. `reuseport`: others may listen there too, and
-- the system deals the connections out among them; `ipv6only`: "*" and "::"
-- take no IPv4.
--
-- Or listens on the unix socket at `path`, for which the string "unix:/path"
-- will do; `mode`: its permissions, as "660". One that a server has left that
-- died is removed first; it is removed at the listener's close.
--
-- Both: `backlog`, how many connections may wait to be accepted, by default as
-- many as the system allows; `tls`, options or a context of `weft.tls`: the
-- connections speak TLS. Parks while a name is looked up. Raises
-- ArgumentError, and OSError with `code` if the address cannot be had.
---@param opts table|string
---@return weft.Listener
function net.listen(opts)
  opts = options_of("net.listen", opts)
  local open = opts.path ~= nil and open_unix or open_tcp
  local context
  if type(opts.tls) == "table" then
    context = need_tls("net.listen").server_context(opts.tls)
  end
  local code, socket = open(opts)
  if code then
    if not opts.path and not opts.host then
      opts = { host = "*", port = opts.port }
    end
    fail_at("listen on", opts, code)
  end
  return listener.wrap(socket, context)
end

--- Opens a UDP socket: see `weft.udp`, whose `open` this is.
---@param opts table?
---@return weft.Udp
function net.udp(opts) return require("weft.udp").open(opts) end

return net
