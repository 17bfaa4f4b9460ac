--- TLS on any stream: `stream:start_tls{...}`, and the contexts it is set by.
--
-- A stream that speaks TLS is the same object as before: every method goes on
-- to work. What goes wrong is a TLSError, an OSError, with a `code` as
-- "CERT_HAS_EXPIRED" and often a `detail`, what OpenSSL or the peer has said.
-- @module weft.tls

require "weft"
local codes = require "weft.codes"
local entries = require "weft.entries"
local core = require "weft.ext.tls"
local errors = require "weft.error"
local options = require "weft.options"
local scope = require "weft.scope"

local fail, fail_argument = errors.fail, errors.fail_argument

local tls = {}

local EINVAL, ESTATE, ECLOSED = codes.EINVAL, codes.ESTATE, codes.ECLOSED
-- How long a client of a listener may take for its handshake.
local HANDSHAKE_TIMEOUT = 60

-- -- Options ------------------------------------------------------------------

local function is_text(value)
  return type(value) == "string" and value ~= ""
    and not value:find("\0", 1, true)
end

local function text(value)
  if not is_text(value) then
    return "a string that is not empty and holds no zero byte"
  end
end

local function texts(value)
  if is_text(value) then return nil end
  if type(value) == "table" and #value > 0 then
    for _, one in ipairs(value) do
      if not is_text(one) then return "a string, or a list of strings" end
    end
    return nil
  end
  return "a string, or a list of strings"
end

local function protocols(value)
  local problem = type(value) ~= "table" and "no table" or texts(value)
  for _, one in ipairs(problem and {} or value) do
    if #one > 255 then problem = "too long" end
  end
  return problem and "a list of names of 1 to 255 bytes, as { \"http/1.1\" }"
end

local function verify(value)
  if type(value) ~= "boolean" and value ~= "request" then
    return "true, false or, for a server, \"request\""
  end
end

-- A certificate for each of the other names of a server.
local function hosts(value)
  local wanted = "a table of { cert =, key = } by host names, one of which may "
    .. "begin with \"*.\""
  if type(value) ~= "table" then return wanted end
  for name, identity in entries(value) do
    if not is_text(name) or type(identity) ~= "table"
      or not is_text(identity.cert) then
      return wanted
    end
    for key, part in entries(identity) do
      local is_known = key == "cert" or key == "key" or key == "password"
      if not is_known or not is_text(part) then return wanted end
    end
  end
end

local VERSIONS = { ["1.2"] = 12, ["1.3"] = 13 }
local version = options.one_of { "1.2", "1.3" }

local CONTEXT_KINDS = {
  server = options.flag, cert = text, key = text, password = text,
  hosts = hosts, ca = texts, crl = texts, verify = verify,
  check_name = options.flag,
  min_version = version, max_version = version, ciphers = text,
  alpn = protocols, resume = options.flag, allow_truncation = options.flag,
  handshake_timeout = options.positive,
}

-- A context; made by `tls.context`.
---@class weft.tls.Context
local Context = {}
local metatable = { __name = "weft.tls.Context", __index = Context }

local function is_context(value) return getmetatable(value) == metatable end

local START_KINDS = {
  server_name = text,
  context = function(value)
    if not is_context(value) then return "a context of tls.context" end
  end,
}
for name, kind in entries(CONTEXT_KINDS) do START_KINDS[name] = kind end

-- -- Contexts -----------------------------------------------------------------

-- Raises what a setter has refused.
local function check(call, code, message, detail)
  if not code then return end
  fail(code, message and call .. ": " .. message, { detail = detail })
end

local function check_identity(call, opts)
  if opts.cert then return end
  for _, name in ipairs { "key", "password" } do
    if opts[name] then
      fail_argument(("%s: %s needs a cert"):format(call, name), 4)
    end
  end
  if opts.server then
    fail_argument(call .. ": a server needs a cert, and its key", 4)
  end
end

local function check_consistency(call, opts)
  check_identity(call, opts)
  local min = VERSIONS[opts.min_version or "1.2"]
  local max = VERSIONS[opts.max_version or "1.3"]
  if min > max then
    fail_argument(("%s: min_version, %s, is above max_version, %s"):format(call,
      opts.min_version, opts.max_version), 4)
  end
  if opts.verify == "request" and not opts.server then
    fail_argument(call .. ": only a server can request a certificate", 4)
  end
  if opts.hosts and not opts.server then
    fail_argument(call .. ": hosts are a server's", 4)
  end
  if opts.server and opts.verify and not opts.ca then
    fail_argument(call .. ": to verify clients a server needs a ca, whose "
      .. "certificates they have", 4)
  end
end

local function each_of(value)
  return ipairs(type(value) == "table" and value or { value })
end

local function set_hosts(handle, call, identities)
  for name, identity in entries(identities) do
    local code, other = core.context(true)
    check(call, code)
    check(call, core.set_certificate(other, identity.cert, identity.key,
      identity.password))
    code = core.add_host(handle, name, other)
    check(call, code, ("hosts: %q can be no host's name"):format(name))
  end
end

local function set_certificates(handle, call, opts)
  if opts.cert then
    check(call, core.set_certificate(handle, opts.cert, opts.key,
      opts.password))
  end
  if opts.hosts then set_hosts(handle, call, opts.hosts) end
  for _, ca in each_of(opts.ca) do check(call, core.add_ca(handle, ca)) end
  for _, crl in each_of(opts.crl) do check(call, core.add_crl(handle, crl)) end
end

local function set_rest(handle, call, opts)
  local wanted = opts.verify
  if wanted == nil then wanted = not opts.server end
  check(call, core.set_verify(handle,
    wanted == "request" and 1 or wanted and 2 or 0))
  check(call, core.set_check_name(handle, opts.check_name ~= false))
  check(call, core.set_versions(handle, VERSIONS[opts.min_version or "1.2"],
    VERSIONS[opts.max_version or "1.3"]))
  if opts.ciphers then check(call, core.set_ciphers(handle, opts.ciphers)) end
  for _, name in ipairs(opts.alpn or {}) do
    check(call, core.add_protocol(handle, name))
  end
  check(call, core.set_resume(handle, opts.resume ~= false))
  check(call, core.set_truncation(handle, opts.allow_truncation == true))
end

-- The C side's context for options that are of the right kind.
local function open(call, opts)
  check_consistency(call, opts)
  local code, handle = core.context(opts.server)
  check(call, code)
  set_certificates(handle, call, opts)
  set_rest(handle, call, opts)
  return handle
end

local function copy(opts)
  local copied = {}
  for name, value in entries(opts) do copied[name] = value end
  return copied
end

local function new_context(call, opts)
  return setmetatable({ handle = open(call, opts), opts = copy(opts) },
    metatable)
end

--- Makes a context, which many connections may share, at once or one after the
-- other; a client's remembers their sessions.
--
-- Options, all optional: `server` (false); `cert`, `key`, `password`: the own
-- certificate with its chain, and its key, which may be in `cert` too; `hosts`:
-- those of a server's other names, `{ ["b.example"] = { cert =, key = } }`;
-- `ca`: whom to trust instead of the system's authorities; `crl`: revocation
-- lists; `verify`: a client checks the server's certificate (true), a server
-- its clients' (false), "request": if they send one; `check_name` (true): for
-- the name, too; `min_version` ("1.2"), `max_version` ("1.3"); `ciphers`, as
-- OpenSSL's list; `alpn`, a list of protocols, the best first; `resume` (true)
-- sessions; `allow_truncation` (false): an end without close_notify is a good
-- one; `handshake_timeout` (60), of a listener's connections.
-- A certificate, key or list is the path of a file or itself PEM; `ca` may be a
-- directory; `ca` and `crl` may be lists.
--
-- Raises ArgumentError: an option that does not exist or is of the wrong kind,
-- a file without what it should hold, a key that does not go with its
-- certificate or whose password is missing or wrong. OSError: a file that
-- cannot be read.
---@param opts table?
---@return weft.tls.Context
function tls.context(opts)
  return new_context("tls.context", options.check("tls.context", opts,
    CONTEXT_KINDS))
end

--- Reads the files anew, with those of `opts` that have changed, for the
-- handshakes that begin from now on; connections go on as they are. If it
-- raises, as `tls.context` does, all stays as it was.
---@param opts table?
function Context:reload(opts)
  local changed = options.check("context:reload", opts, CONTEXT_KINDS)
  if changed.server ~= nil and changed.server ~= (self.opts.server == true) then
    fail_argument "context:reload: server cannot change"
  end
  local merged = copy(self.opts)
  for name, value in entries(changed) do merged[name] = value end
  local handle = open("context:reload", merged)
  check("context:reload", core.replace(self.handle, handle))
  self.opts = merged
end

-- -- Handshakes ---------------------------------------------------------------

local plain_client -- the context of clients that ask for nothing

-- Every option but the name: whether there is any.
local function is_plain(opts)
  for name in entries(opts) do
    if name ~= "server_name" then return false end
  end
  return true
end

local function check_alone(call, opts)
  for name in entries(opts) do
    if name ~= "context" and name ~= "server_name" then
      fail_argument(("%s: %s is an option of the context, which is given")
        :format(call, name), 4)
    end
  end
end

-- The context for options that are of the right kind.
local function context_of(call, opts)
  if opts.context then
    check_alone(call, opts)
    return opts.context
  elseif is_plain(opts) then
    plain_client = plain_client or new_context(call, {})
    return plain_client
  end
  local own = copy(opts)
  own.server_name = nil
  return new_context(call, own)
end

local function check_name(call, context, name)
  local opts = context.opts
  if opts.server and name then
    fail_argument(call .. ": server_name is for clients", 4)
  end
  local is_needed = not opts.server and opts.verify ~= false
    and opts.check_name ~= false
  if is_needed and not name then
    fail_argument(call .. ": server_name is needed, to be checked against the "
      .. "certificate; check_name = false does without", 4)
  end
end

local function fail_handshake(call, name, code, message, detail)
  if code == EINVAL and not message then
    fail_argument(("%s: server_name: %q can be no host's name"):format(call,
      name), 4)
  elseif code == ECLOSED and not message then
    message = call .. ": the stream is closed"
  elseif code == ESTATE then
    message = call .. ": there are unread bytes, or a task waits on the "
      .. "stream, or it speaks TLS already"
  end
  fail(code, message, { detail = detail })
end

local function shake_hands(call, stream, context, name)
  check_name(call, context, name)
  local code, connection, detail
  if context.opts.server then
    code, connection, detail = core.server(stream[1], context.handle)
  else
    code, connection, detail = core.client(stream[1], context.handle, name)
  end
  if code then fail_handshake(call, name, code, connection, detail) end
  stream.secure = connection
  return stream
end

-- The options as a table: those of `tls=` may also be a context, or true.
local function as_options(value)
  if is_context(value) then return { context = value } end
  if value == true then return {} end
  return value
end

--- For `stream:start_tls(opts)`.
---@param stream weft.Stream
---@param opts table|weft.tls.Context|nil
function tls.start(stream, opts)
  local call = "stream:start_tls"
  opts = options.check(call, as_options(opts), START_KINDS)
  return shake_hands(call, stream, context_of(call, opts), opts.server_name)
end

--- Has the stream speak TLS as a client, and waits for the handshake. `opts`: a
-- context, or options of `tls.context`, or `{ context = }`; and `server_name`,
-- the name or address that the certificate is to be for. Parks. Raises
-- ArgumentError; InvalidStateError if bytes are unread or a task reads or
-- writes; TLSError; OSError if the connection fails. After that, or cancelled,
-- the stream can only be closed.
---@param stream weft.Stream
---@param opts table|weft.tls.Context|nil
---@return weft.Stream the same
function tls.client(stream, opts)
  local call = "tls.client"
  opts = options.check(call, as_options(opts), START_KINDS)
  local context = context_of(call, opts)
  if context.opts.server then
    fail_argument "tls.client(stream, opts): the context is a server's"
  end
  return shake_hands(call, stream, context, opts.server_name)
end

--- Has the stream speak TLS as a server, and waits for the handshake. `opts`: a
-- context, or options of `tls.context`, of which `cert` is needed. Parks. Fails
-- as `tls.client` does.
---@param stream weft.Stream
---@param opts table|weft.tls.Context
---@return weft.Stream the same
function tls.server(stream, opts)
  return shake_hands("tls.server", stream, tls.server_context(opts,
    "tls.server"))
end

-- -- For weft.net -------------------------------------------------------------

-- Calls fn(...), and closes the stream if that does not return.
local function closing_on_failure(stream, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then return stream end
  stream:exit(err)
  error(err, 0)
end

--- For `net.connect{host=, tls=}`: a function that has the stream it gets speak
-- TLS as a client, returns it, and closes it if that fails; it parks. `opts`:
-- true, options or a context; the name is by default `host`.
---@param opts table|weft.tls.Context|boolean
---@param host string?
---@return fun(stream: weft.Stream): weft.Stream
function tls.connector(opts, host)
  local call = "net.connect: tls"
  opts = options.check(call, as_options(opts), START_KINDS)
  local context = context_of(call, opts)
  local name = opts.server_name or host
  if context.opts.server then
    fail_argument(call .. ": the context is a server's")
  end
  check_name(call, context, name)
  return function(stream)
    return closing_on_failure(stream, shake_hands, call, stream, context, name)
  end
end

--- For `net.listen{tls=}`: the context of a server for `opts`, options or a
-- context.
---@param opts table|weft.tls.Context
---@param call string? the function's name, for messages
---@return weft.tls.Context
function tls.server_context(opts, call)
  call = call or "net.listen: tls"
  if is_context(opts) then
    if not opts.opts.server then
      fail_argument(call .. ": the context is a client's; make it with "
        .. "server = true")
    end
    return opts
  end
  local own = copy(options.check(call, opts, START_KINDS))
  if own.context then
    check_alone(call, own)
    return tls.server_context(own.context, call)
  end
  if own.server == false or own.server_name then
    fail_argument(call .. ": server_name and server = false are for clients")
  end
  own.server = true
  return new_context(call, own)
end

--- For a connection of `net.listen{tls=}`: the handshake, for at most the
-- context's `handshake_timeout`; the stream is closed if it fails. Parks.
---@param stream weft.Stream
---@param context weft.tls.Context of `tls.server_context`
---@return weft.Stream the same
function tls.accept(stream, context)
  local limit = context.opts.handshake_timeout or HANDSHAKE_TIMEOUT
  return closing_on_failure(stream, scope.timeout, limit, function()
    shake_hands("listener", stream, context)
  end)
end

-- -- What is known ------------------------------------------------------------

--- For `stream:tls()`: what was agreed on, nil if the stream is plain. A table:
-- `version` ("TLSv1.3"), `cipher`, `alpn`, `server_name` (SNI), `resumed`, and
-- `peer`, its certificate, if it has one: `subject`, `issuer`, `names`,
-- `serial`, `not_before`, `not_after`, `fingerprint` (SHA-256), `pem`.
---@param stream weft.Stream
---@return table?
function tls.info(stream)
  if not stream.secure then return nil end
  local code, info = core.describe(stream.secure)
  if code then fail(code) end
  return info
end

--- For the stream's methods: raises the error of `code` with what TLS knows of
-- it; returns if that is nothing.
---@param stream weft.Stream
---@param code number
function tls.fail(stream, code)
  local known, message, detail = core.failure(stream.secure)
  if known == code then fail(code, message, { detail = detail }) end
end

return tls
