--- Names: the addresses of a host, the name of an address, records.
--
-- A look-up does what the system is set up to do. Nothing is cached.
-- @module weft.dns

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local options = require "weft.options"

local fail, fail_argument = errors.fail, errors.fail_argument

local dns = {}

local EINVAL = codes.EINVAL
local ENOTSUP = codes.ENOTSUP
-- What servers are asked for is not what files say, so the defaults are ours.
local TIMEOUT, ATTEMPTS = 5, 2

-- -- Arguments ---------------------------------------------------------------

local function name(value)
  if type(value) ~= "string" or value == "" or #value > 255
    or value:find("\0", 1, true) then
    return "a name of 1 to 255 bytes"
  end
end

local function family(value)
  if value ~= 4 and value ~= 6 then return "4 or 6" end
end

-- Raises for `code`, saying what was looked up.
local function fail_for(what, code)
  local _, reason = core.error_text(code)
  fail(code, ("%s: %s"):format(what, reason))
end

-- -- Look-ups ----------------------------------------------------------------

local lookup_options = { family = family }

--- The addresses of `host` as a list of texts, in the order in which they are
-- to be tried; an address is its own. opts: `family`, 4 or 6: those alone.
-- Parks. Raises OSError: EHOSTNOTFOUND if there is no such name, or no address
-- of it; EHOSTTRYAGAIN if no server gave an answer. Cancelled, it returns at
-- once.
---@param host string
---@param opts table?
---@return string[]
function dns.lookup(host, opts)
  options.expect("dns.lookup(host, opts): host", name, host)
  opts = options.check("dns.lookup", opts, lookup_options)
  local code, addresses = core.dns_lookup(host, opts.family or 0)
  if code then fail_for("look up " .. host, code) end
  return addresses
end

--- The name of `address`, an IPv4 or IPv6 address as text. Parks. Raises
-- OSError EHOSTNOTFOUND if it has none. Cancelled, it returns at once.
---@param address string
---@return string
function dns.reverse(address)
  options.expect("dns.reverse(address): address", name, address)
  local code, found = core.dns_reverse(address)
  if code == EINVAL then
    fail_argument(("dns.reverse(address): address must be an address, got "
      .. "%q"):format(address))
  end
  if code then fail_for("look up " .. address, code) end
  return found
end

-- -- Records -----------------------------------------------------------------

local kinds = { "A", "AAAA", "CAA", "CNAME", "MX", "NAPTR", "NS", "PTR", "SOA",
  "SRV", "TXT" }
local kind = options.one_of(kinds)

local resolve_options = { servers = options.list "server",
  timeout = options.positive, attempts = options.count(1) }

local function load_extension()
  local ok, ext = pcall(require, "weft.ext.dns")
  if ok then return ext end
  errors.fail_state("dns.resolve needs the extension dns (libweft_dns, "
    .. "c-ares), which is not there: " .. tostring(ext))
end

local function set_up(ext, resolver, opts)
  local code
  if opts.timeout or opts.attempts then
    local attempts = math.min(opts.attempts or ATTEMPTS, 100)
    local timeout = math.max(math.min(opts.timeout or TIMEOUT, 3600), 0.001)
    code = ext.set_timeout(resolver, timeout, attempts)
  end
  if not code and opts.servers then
    local text = table.concat(opts.servers, ",")
    code = ext.set_servers(resolver, text)
    if code == EINVAL then
      fail_argument("dns.resolve: servers must be addresses, with or without "
        .. ("a port, as \"192.0.2.1\" and \"[::1]:53\", got %q"):format(text),
        3)
    end
  end
  if code then fail(code) end
end

-- The resolver of this run, made when it is first wanted.
local common = { run_id = 0 }

local function common_resolver(ext)
  local run_id = core.run_id()
  if common.run_id ~= run_id or not core.is_running() then
    local code, resolver = ext.resolver()
    if code then fail(code) end
    common.run_id, common.resolver = run_id, resolver
  end
  return common.resolver
end

local function own_resolver(ext, opts)
  local code, resolver = ext.resolver()
  if code then fail(code) end
  set_up(ext, resolver, opts)
  return resolver
end

--- The records of `host` of a kind: "A", "AAAA", "CAA", "CNAME", "MX",
-- "NAPTR", "NS", "PTR", "SOA", "SRV" or "TXT". A list, in the server's order:
-- of texts for A, AAAA, CNAME, NS, PTR and TXT; of tables for the others, as
-- `{priority=, exchange=}` for MX, `{priority=, weight=, port=, target=}` for
-- SRV. The name is taken as it stands. opts: `servers`, a list of those to ask
-- instead of the system's, as "192.0.2.1" or "[::1]:53"; `timeout` in seconds
-- and `attempts`, after which a server is given up. Parks. Raises OSError as
-- `lookup` does, EPROTO for an answer that makes no sense; InvalidStateError
-- without the extension `dns`. Cancelled, it returns at once.
---@param host string
---@param record_kind string
---@param opts table?
---@return table
function dns.resolve(host, record_kind, opts)
  options.expect("dns.resolve(name, kind, opts): name", name, host)
  options.expect("dns.resolve(name, kind, opts): kind", kind, record_kind)
  opts = options.check("dns.resolve", opts, resolve_options)
  core.check_park "weft.dns.resolve"
  local ext = load_extension()
  local is_own = next(opts) ~= nil
  local resolver = is_own and own_resolver(ext, opts) or common_resolver(ext)
  local code, records = ext.query(resolver, host, record_kind)
  if is_own then ext.close(resolver) end
  if code == ENOTSUP then
    fail(code, "dns.resolve: servers cannot be waited for under the virtual "
      .. "clock")
  end
  if code then
    fail_for(("look up %s records of %s"):format(record_kind, host), code)
  end
  return records
end

return dns
