--- Streams: connections, to be read from and written to.
--
-- Each call waits for as long as it takes: put it in a timeout. A call that is
-- cancelled has taken no byte and sent none.
-- @module weft.stream

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local scope = require "weft.scope"

local fail, fail_argument = errors.fail, errors.fail_argument

local stream = {}

local EINCOMPLETE, EOVERRUN = codes.EINCOMPLETE, codes.EOVERRUN
-- What may precede a separator, unless the caller says otherwise.
local LIMIT = 64 * 1024
-- How long leaving a `with` waits for the peer to take what is unsent.
local GRACE = 5
local COUNT_MAX = 2 ^ 53

-- A stream; it holds the C side's socket.
---@class weft.Stream
local Stream = {}
local metatable = { __name = "weft.Stream", __index = Stream }

--- Makes a stream of a socket of the C side.
function stream.wrap(socket) return setmetatable({ socket }, metatable) end

-- Raises the error of a call that has failed; TLS may know more of it than the
-- code.
local function fail_io(self, code)
  if self.secure then require("weft.tls").fail(self, code) end
  fail(code)
end

-- -- Reading -----------------------------------------------------------------

local function check_count(n, least, call)
  if type(n) ~= "number" or not (n >= least and n < COUNT_MAX)
    or n % 1 ~= 0 then
    fail_argument(("stream:%s(n): n must be a whole number of at least %d, "
      .. "got %s"):format(call, least, tostring(n)), 3)
  end
end

--- Reads what there is: at least one byte, at most `n`; nil at the end. Parks.
---@param n number?
---@return string?
function Stream:read(n)
  if n ~= nil then check_count(n, 1, "read") end
  local code, bytes = core.stream_read(self[1], n)
  if code then fail_io(self, code) end
  return bytes
end

local function fail_exactly(self, code, partial, n)
  if code ~= EINCOMPLETE then fail_io(self, code) end
  fail(code, ("the stream ended after %d of %d bytes"):format(#partial, n),
    { partial = partial, expected = n })
end

--- Reads `n` bytes. Raises IncompleteReadError, with `partial` and `expected`,
-- if the end comes first; what there was has then been read. Parks.
---@param n number
---@return string
function Stream:read_exactly(n)
  check_count(n, 0, "read_exactly")
  local code, bytes = core.stream_read_exactly(self[1], n)
  if code then fail_exactly(self, code, bytes, n) end
  return bytes
end

-- The code and what it comes with, or nil and the bytes. Looks at no byte
-- twice.
local function read_until(self, sep, limit, strip)
  local seen, code, bytes = 0
  repeat
    code, bytes, seen = core.stream_read_until(self[1], sep, limit, seen, strip)
  until not seen
  return code, bytes
end

local function fail_overrun(code, before, limit)
  fail(code, ("no separator within %s bytes"):format(limit),
    { consumed = before })
end

local function fail_until(self, code, detail, limit)
  if code == EOVERRUN then fail_overrun(code, detail, limit) end
  if code ~= EINCOMPLETE then fail_io(self, code) end
  fail(code, ("the stream ended after %d bytes, before the separator"):format(
    #detail), { partial = detail })
end

local function check_until(sep, limit)
  if type(sep) ~= "string" or sep == "" then
    fail_argument("stream:read_until(sep, limit): sep must be a string that is "
      .. "not empty, got " .. (sep == "" and "an empty one" or type(sep)), 3)
  end
  if type(limit) ~= "number" or limit ~= limit or limit < 0 then
    fail_argument("stream:read_until(sep, limit): limit must be a number of at "
      .. "least 0, got " .. tostring(limit), 3)
  end
end

--- Reads up to the first `sep`, which is part of the result. If more than
-- `limit` bytes (default 64 KiB) precede it, raises LimitOverrunError and reads
-- nothing: the first `consumed` bytes then hold no part of it. If the end
-- comes first, raises IncompleteReadError with `partial`. Parks.
---@param sep string
---@param limit number?
---@return string
function Stream:read_until(sep, limit)
  limit = limit == nil and LIMIT or limit
  check_until(sep, limit)
  local code, bytes = read_until(self, sep, limit, false)
  if code then fail_until(self, code, bytes, limit) end
  return bytes
end

--- Reads a line, without its "\n"; the last one may lack it. nil at the end.
-- Raises LimitOverrunError, and reads nothing, if it is longer than 64 KiB:
-- read_until takes longer ones. Parks.
---@return string?
function Stream:read_line()
  local code, line = read_until(self, "\n", LIMIT, true)
  if not code then return line end
  if code ~= EINCOMPLETE then fail_until(self, code, line, LIMIT) end
  return line ~= "" and line or nil
end

--- Reads to the end, however much that is; "" if it has come already. Parks.
---@return string
function Stream:read_all()
  local seen, code, bytes = 0
  repeat
    code, bytes, seen = core.stream_read_all(self[1], seen)
  until not seen
  if code then fail_io(self, code) end
  return bytes
end

--- The lines up to the end, as read_line gives them, for a `for` loop.
---@return fun(): string?
function Stream:lines()
  return function() return self:read_line() end
end

-- -- Writing -----------------------------------------------------------------

-- The arguments of write as one string.
local function join(...)
  for i = 1, select("#", ...) do
    local piece = select(i, ...)
    if type(piece) ~= "string" then
      fail_argument(("stream:write(s, ...): argument %d must be a string, "
        .. "got %s"):format(i, type(piece)), 3)
    end
  end
  return table.concat { ... }
end

--- Sends the strings, one after the other, as one piece. Waits while 64 KiB or
-- more of earlier writes are unsent, in turn with other writers; then takes all
-- bytes and returns. Parks.
---@param s string
---@param ... string
function Stream:write(s, ...)
  if type(s) ~= "string" or select("#", ...) > 0 then s = join(s, ...) end
  local code = core.stream_write(self[1], s)
  if code then fail_io(self, code) end
end

--- Waits until the system has taken all that was written. Parks.
function Stream:flush()
  local code = core.stream_flush(self[1])
  if code then fail_io(self, code) end
end

--- Flushes, then ends the sending side: the peer reads the end. Reading goes
-- on; a later write is a ClosedError. Parks. Raises OSError if the connection
-- has failed, ClosedError if the stream is closed. Cancelled while it flushes,
-- the sending side stays open and the bytes stay queued.
function Stream:shutdown()
  local code = core.stream_shutdown(self[1])
  if code then fail_io(self, code) end
end

-- -- Closing -----------------------------------------------------------------

--- Flushes and closes; others who wait get ClosedError. In cancelled code, or
-- cancelled meanwhile, what is unsent is dropped. No cancellation point; raises
-- no error of the connection; more than once is fine. Parks.
function Stream:close()
  local code = core.stream_close(self[1])
  if code then fail(code) end
end

--- Enters a `with`.
---@return weft.Stream
function Stream:enter() return self end

--- Leaves a `with`: closes after flushing for at most 5 s, and after an error
-- without. Parks.
---@param err any
function Stream:exit(err)
  if err ~= nil then return core.stream_abort(self[1]) end
  if not core.stream_is_open(self[1]) then return end
  scope.shield(function() self:close() end, GRACE)
end

-- -- Addresses ---------------------------------------------------------------

local function address(self, of_peer)
  local code, text = core.stream_address(self[1], of_peer)
  if code then fail(code) end
  return text
end

--- The peer's address, "127.0.0.1:80" or "[::1]:80".
---@return string
function Stream:peer() return (address(self, true)) end

--- The own address.
---@return string
function Stream:local_address() return (address(self, false)) end

-- -- TLS ---------------------------------------------------------------------

--- Has the stream speak TLS from here on, and waits for the handshake: as a
-- client, or as a server with `server = true`. The options are those of
-- `tls.context` in `weft.tls`, and `server_name`, which the certificate is to
-- be for; or a context, or `{ context =, server_name = }`. Returns the stream.
-- Parks. Raises ArgumentError; InvalidStateError if bytes are unread or a task
-- waits on the stream; TLSError; OSError if the connection fails. After that,
-- or cancelled, the stream can only be closed.
---@param opts table?
---@return weft.Stream
function Stream:start_tls(opts) return require("weft.tls").start(self, opts) end

--- What TLS has agreed on; nil if the stream does not speak it. Fields:
-- `version`, "TLSv1.3"; `cipher`; `alpn`; `server_name`; `resumed`; and `peer`,
-- the other side's certificate, if it has one: `subject`, `issuer`, `names`,
-- `serial`, `not_before`, `not_after`, `fingerprint`, `pem`.
---@return table?
function Stream:tls()
  return self.secure and require("weft.tls").info(self) or nil
end

return stream
