--- UDP sockets: datagrams, each whole or not at all.
--
-- UDP loses, doubles and reorders datagrams; that one was sent does not mean
-- that it arrives. Made by `weft.net.udp`.
-- @module weft.udp

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local options = require "weft.options"

local fail, fail_argument = errors.fail, errors.fail_argument

local udp = {}

local EINVAL, ECLOSED, EBUSY = codes.EINVAL, codes.ECLOSED, codes.EBUSY
local EDESTADDRREQ = codes.EDESTADDRREQ
local PORT_MAX = 65535

-- A UDP socket; it holds the C side's socket.
---@class weft.Udp
local Udp = {}
local metatable = { __name = "weft.Udp", __index = Udp }

-- -- Arguments ---------------------------------------------------------------

local function is_port(value, least)
  return type(value) == "number" and value >= least and value <= PORT_MAX
    and value % 1 == 0
end

local function name(value)
  if type(value) ~= "string" or value == "" or value:find("\0", 1, true) then
    return "a name or an address"
  end
end

local function port_from_0(value)
  if not is_port(value, 0) then return "a whole number from 0 to 65535" end
end

local function port_from_1(value)
  if not is_port(value, 1) then return "a whole number from 1 to 65535" end
end

local function text(value)
  if type(value) ~= "string" then return "a string" end
end

local function text_or_nil(value)
  if value ~= nil then return text(value) end
end

local function show(host, port)
  local form = host:find(":", 1, true) and "[%s]:%d" or "%s:%d"
  return form:format(host, port)
end

local own = {
  [ECLOSED] = "the socket is closed",
  [EBUSY] = "another task is receiving from the socket",
  [EDESTADDRREQ] = "host and port are needed: the socket is not connected",
}

-- Raises what the code of the method `call` means; of a socket that is
-- connected, with the address of its peer.
local function fail_in(self, call, code)
  local _, reason = core.error_text(code)
  local _, peer = core.udp_address(self[1], true)
  fail(code, ("udp:%s%s: %s"):format(call,
    peer and (" (connected to %s)"):format(peer) or "", own[code] or reason))
end

-- Raises for `code`, saying to or from where.
local function fail_at(verb, host, port, code)
  local _, reason = core.error_text(code)
  fail(code, ("%s %s: %s"):format(verb, show(host, port), own[code] or reason))
end

-- -- Opening -----------------------------------------------------------------

local kinds = { host = name, port = port_from_0, reuseaddr = options.flag,
  reuseport = options.flag, ipv6only = options.flag,
  broadcast = options.flag }

--- Opens a UDP socket on `host`, an address (default "0.0.0.0"), and `port`
-- (default 0: any that is free; `socket:port()` tells which). opts also:
-- `reuseaddr`, others may have the address, as members of a group do;
-- `reuseport`, others that want so too share what comes; `broadcast`, it may
-- send to broadcast addresses; `ipv6only`: a socket on "::" else takes IPv4,
-- too. Raises ArgumentError, and OSError if the address cannot be had.
---@param opts table?
---@return weft.Udp
function udp.open(opts)
  opts = options.check("net.udp", opts, kinds)
  local host, port = opts.host or "0.0.0.0", opts.port or 0
  local code, socket = core.udp_open(host, port, opts.reuseaddr, opts.reuseport,
    opts.ipv6only)
  if code == EINVAL then
    fail_argument(("net.udp: host must be an address%s, got %q"):format(
      opts.ipv6only and " of IPv6" or "", host))
  end
  if code then fail_at("open", host, port, code) end
  local self = setmetatable({ socket }, metatable)
  if opts.broadcast then self:set_broadcast(true) end
  return self
end

-- -- Sending and receiving ---------------------------------------------------

--- Sends `data` as one datagram, to `host`, a name or an address, and `port`,
-- or, without them, to where the socket is connected. Waits only while a name
-- is looked up, at each call anew, or the system has no room. Parks. Raises
-- OSError: EMSGSIZE for more than 65,507 bytes; ECONNREFUSED if the peer it is
-- connected to has refused an earlier datagram, after which it can go on.
-- Cancelled, it has sent nothing.
---@param data string
---@param host string?
---@param port number?
function Udp:send(data, host, port)
  if type(data) ~= "string" then
    options.expect("udp:send(data, host, port): data", text, data)
  end
  if host ~= nil or port ~= nil then
    options.expect("udp:send(data, host, port): host", name, host)
    options.expect("udp:send(data, host, port): port", port_from_1, port)
  end
  local code = core.udp_send(self[1], data, host, port)
  if not code then return end
  if not host then fail_in(self, "send", code) end
  fail_at("send to", host, port, code)
end

--- Waits for a datagram. Returns it, "" for an empty one; the address it came
-- from, "127.0.0.1:53" or "[::1]:53"; and that address's host and port. Parks.
-- Raises BusyError if another task receives; OSError ECONNREFUSED if the peer
-- it is connected to has refused a datagram, after which it can go on.
-- Cancelled, it has taken none.
---@return string, string, string, number
function Udp:receive()
  local code, data, address, host, port = core.udp_receive(self[1])
  if code then fail_in(self, "receive", code) end
  return data, address, host, port
end

-- What receive returns, or nothing when the socket is closed.
local function next_datagram(self)
  local code, data, address, host, port = core.udp_receive(self[1])
  if code == ECLOSED then return nil end
  if code then fail_in(self, "datagrams", code) end
  return data, address, host, port
end

--- The datagrams as they come, with what `receive` returns, for a `for` loop:
-- until the socket is closed.
function Udp:datagrams() return next_datagram, self end

--- Has the socket send to `host`, a name or an address, and `port`, and receive
-- from nowhere else; what has arrived before still comes. Without them it is
-- connected to nobody again. Parks while a name is looked up.
---@param host string?
---@param port number?
function Udp:connect(host, port)
  if host ~= nil or port ~= nil then
    options.expect("udp:connect(host, port): host", name, host)
    options.expect("udp:connect(host, port): port", port_from_1, port)
  end
  local code = core.udp_connect(self[1], host, port)
  if not code then return end
  if not host then fail_in(self, "connect", code) end
  fail_at("connect to", host, port, code)
end

-- -- Addresses and the end ---------------------------------------------------

local function address(self, call, of_peer)
  local code, where = core.udp_address(self[1], of_peer)
  if code then fail_in(self, call, code) end
  return where
end

--- The own address, "127.0.0.1:53" or "[::1]:53".
---@return string
function Udp:address() return (address(self, "address", false)) end

--- The own port.
---@return number
function Udp:port() return tonumber(self:address():match "%d+$") end

--- The address that the socket is connected to. Raises OSError ENOTCONN if it
-- is not.
---@return string
function Udp:peer() return (address(self, "peer", true)) end

--- Closes the socket; who waits gets ClosedError. More than once is fine.
function Udp:close() core.udp_close(self[1]) end

-- -- Options -----------------------------------------------------------------

local function set(self, option, number)
  local code = core.udp_set_option(self[1], option, number)
  if code then fail_in(self, "set_" .. option, code) end
end

local function set_flag(self, option, on)
  options.expect(("udp:set_%s(on): on"):format(option), options.flag, on, 3)
  set(self, option, on and 1 or 0)
end

local function number_between(least, most)
  local wanted = ("a whole number from %d to %d"):format(least, most)
  return function(n)
    local will_do = type(n) == "number" and n >= least and n <= most
      and n % 1 == 0
    if not will_do then return wanted end
  end
end

local hops, group_hops = number_between(1, 255), number_between(0, 255)
local size = number_between(1, 2 ^ 30)

local function set_number(self, option, kind, n)
  options.expect(("udp:set_%s(n): n"):format(option), kind, n, 3)
  set(self, option, n)
end

--- Lets the socket send to broadcast addresses, or no more.
---@param on boolean
function Udp:set_broadcast(on) set_flag(self, "broadcast", on) end

--- Sets how many hops a datagram may make, 1 to 255.
---@param n number
function Udp:set_ttl(n) set_number(self, "ttl", hops, n) end

--- Sets how many hops one to a group may make, 0 to 255; 1, the default, stays
-- in the local network.
---@param n number
function Udp:set_multicast_ttl(n)
  set_number(self, "multicast_ttl", group_hops, n)
end

--- Sets whether members of a group on this machine get what is sent to it; the
-- default.
---@param on boolean
function Udp:set_multicast_loop(on) set_flag(self, "multicast_loop", on) end

--- Sets the bytes of the system's queue of what has arrived. The system may
-- round and limit it; Linux doubles it.
---@param n number
function Udp:set_receive_buffer(n)
  set_number(self, "receive_buffer", size, n)
end

--- Sets the bytes of the system's queue of what is to be sent.
---@param n number
function Udp:set_send_buffer(n) set_number(self, "send_buffer", size, n) end

local is_flag = { broadcast = true, multicast_loop = true }

--- An option as it is now, by its name: "broadcast", "ttl", "multicast_ttl",
-- "multicast_loop", "receive_buffer" or "send_buffer".
---@param option string
---@return number|boolean
function Udp:option(option)
  options.expect("udp:option(name): name", options.one_of { "broadcast", "ttl",
    "multicast_ttl", "multicast_loop", "receive_buffer", "send_buffer" },
    option)
  local code, number = core.udp_get_option(self[1], option)
  if code then fail_in(self, "option", code) end
  if is_flag[option] then return number ~= 0 end
  return number
end

-- -- Groups ------------------------------------------------------------------

-- Raises what joining and leaving fail with; what came of `code`.
local function check_group(call, group, interface, code)
  if not code then return end
  if code == EINVAL then
    fail_argument(("udp:%s(group, interface): group must be a multicast "
      .. "address of the socket's family, got %q"):format(call, group), 3)
  end
  local _, reason = core.error_text(code)
  fail(code, ("%s %s%s: %s"):format(call, group,
    interface and " on " .. interface or "", own[code] or reason))
end

local function expect_group(call, group, interface)
  options.expect(("udp:%s(group, interface): group"):format(call), text, group,
    3)
  options.expect(("udp:%s(group, interface): interface"):format(call),
    text_or_nil, interface, 3)
end

--- Receives what is sent to `group`, a multicast address, on `interface`: its
-- name or, by IPv4, its address; without it the system chooses one.
---@param group string
---@param interface string?
function Udp:join(group, interface)
  expect_group("join", group, interface)
  check_group("join", group, interface,
    core.udp_join(self[1], group, interface))
end

--- Does so no more. Closing leaves all groups.
---@param group string
---@param interface string?
function Udp:leave(group, interface)
  expect_group("leave", group, interface)
  check_group("leave", group, interface,
    core.udp_leave(self[1], group, interface))
end

--- Sends to groups through `interface`, as in `join`.
---@param interface string?
function Udp:set_multicast_interface(interface)
  options.expect("udp:set_multicast_interface(interface): interface",
    text_or_nil, interface)
  local code = core.udp_set_interface(self[1], interface)
  if own[code] then fail_in(self, "set_multicast_interface", code) end
  if code then
    local _, reason = core.error_text(code)
    fail(code, ("interface %s: %s"):format(tostring(interface), reason))
  end
end

return udp
