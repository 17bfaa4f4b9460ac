--- Streams: connections, to be read from and written to.
--
-- Each call waits for as long as it takes: put it in a timeout. A call that is
-- cancelled has taken no byte and sent none.
-- @module weft.stream

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local reading = require "weft.reading"
local scope = require "weft.scope"

local fail, fail_argument = errors.fail, errors.fail_argument

local stream = {}

local ECLOSED, EBUSY, EINVAL = codes.ECLOSED, codes.EBUSY, codes.EINVAL
local ENOTSUP = codes.ENOTSUP
-- How long leaving a `with` waits for the peer to take what is unsent.
local GRACE = 5

-- A stream; it holds the C side's socket.
---@class weft.Stream
local Stream = {}
local metatable = { __name = "weft.Stream", __index = Stream }

--- Makes a stream of a socket of the C side.
function stream.wrap(socket) return setmetatable({ socket }, metatable) end

--- Makes a stream of a descriptor that is open: of a connected socket, a pipe
-- or a terminal. The stream closes it, but for the standard ones, 0 to 2, which
-- stay open and block for all others as they did. Raises OSError with `code`
-- "ENOTSUP" for a file or what else is no stream; the descriptor is the
-- caller's still.
---@param descriptor number
---@return weft.Stream
function stream.open(descriptor)
  if type(descriptor) ~= "number" or descriptor % 1 ~= 0
    or descriptor < 0 or descriptor >= 2 ^ 31 then
    fail_argument("stream.open(descriptor): descriptor must be a whole number "
      .. "of at least 0, got " .. errors.shown(descriptor))
  end
  local code, socket = core.stream_open(descriptor)
  if code == EINVAL then
    fail_argument(("stream.open(descriptor): descriptor %d is not "
      .. "open"):format(descriptor))
  elseif code == ENOTSUP then
    fail(code, ("stream.open: descriptor %d is a file, or no stream "
      .. "otherwise"):format(descriptor))
  elseif code then
    fail(code)
  end
  return stream.wrap(socket)
end

-- Raises what the code of the method `call` means; `unsupported` says what
-- ENOTSUP does. TLS may know more of a failure than the code.
local function fail_in(self, call, code, unsupported)
  if self.secure then require("weft.tls").fail(self, code) end
  local _, reason = core.error_text(code)
  local text = code == ECLOSED and (core.stream_is_open(self[1])
      and "the sending side was shut down" or "the stream is closed")
    or code == EBUSY and "another task is reading from the stream"
    or code == ENOTSUP and unsupported
    or reason
  fail(code, ("%s:%s: %s"):format(self.label or "stream", call, text))
end

-- -- Reading -----------------------------------------------------------------
-- What files can do as well is in weft.reading.

reading.add_methods(Stream, "stream")

-- For those methods.
function Stream:fail_read(call, code)
  fail_in(self, call, code, "it is a pipe's end that is only written to")
end

--- Reads what there is: at least one byte, at most `n`; nil at the end. Parks.
---@param n number?
---@return string?
function Stream:read(n)
  if n ~= nil then reading.check_count(n, 1, "stream:read(n): n") end
  local code, bytes = core.read_some(self[1], n)
  if code == false then code, bytes = core.read_some(self[1], n, true) end
  if code then self:fail_read("read", code) end
  return bytes
end

-- -- Writing -----------------------------------------------------------------

local function fail_write(self, call, code)
  fail_in(self, call, code, "it is a pipe's end that is only read from")
end

local function check_strings(...)
  for i = 1, select("#", ...) do
    local piece = select(i, ...)
    if type(piece) ~= "string" then
      fail_argument(("stream:write(s, ...): argument %d must be a string, "
        .. "got %s"):format(i, errors.shown(piece)), 3)
    end
  end
end

--- Sends the strings, one after the other, as one piece. Waits while 64 KiB or
-- more of earlier writes are unsent, in turn with other writers; then takes all
-- bytes and returns. Several strings need not be joined before: the system gets
-- them in one call as they are. Parks.
---@param s string
---@param ... string
function Stream:write(s, ...)
  if type(s) ~= "string" or select("#", ...) > 0 then check_strings(s, ...) end
  local code = core.stream_write(self[1], s, ...)
  if code then fail_write(self, "write", code) end
end

--- Waits until the system has taken all that was written. Parks. Only who
-- writes to a TCP connection and then computes for long needs it: what is
-- written may go out together with what the other tasks of the turn write.
function Stream:flush()
  local code = core.stream_flush(self[1])
  if code then fail_write(self, "flush", code) end
end

--- Flushes, then ends the sending side: the peer reads the end. Reading goes
-- on; a later write is a ClosedError. Parks. Raises OSError if the connection
-- has failed, ClosedError if the stream is closed. Cancelled while it flushes,
-- the sending side stays open and the bytes stay queued.
function Stream:shutdown()
  local code = core.stream_shutdown(self[1])
  if code then
    fail_in(self, "shutdown", code, "this end of a pipe, or a terminal, has no "
      .. "sending side that could end alone; close it")
  end
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

-- -- Addresses, options, figures --------------------------------------------

local function address(self, call, of_peer)
  local code, text = core.stream_address(self[1], of_peer)
  if code then fail_in(self, call, code) end
  return text
end

--- The peer's address: "127.0.0.1:80" or "[::1]:80", "unix:" and the path, if
-- it has one, of a unix socket, "" of a pipe, a terminal or a stream in memory.
-- Raises OSError with `code` "ENOTCONN" when the connection is gone.
---@return string
function Stream:peer() return (address(self, "peer", true)) end

--- The own address.
---@return string
function Stream:local_address()
  return (address(self, "local_address", false))
end

local NO_TCP = "the stream is no TCP connection"

--- Whether small writes are sent at once, as they are by default, or may wait
-- for more (TCP_NODELAY). Raises OSError with `code` "ENOTSUP" if the stream is
-- no TCP connection.
---@param on boolean
function Stream:set_nodelay(on)
  if type(on) ~= "boolean" then
    fail_argument("stream:set_nodelay(on): on must be a boolean, got "
      .. errors.shown(on))
  end
  local code = core.stream_set_nodelay(self[1], on)
  if code then fail_in(self, "set_nodelay", code, NO_TCP) end
end

-- More seconds Linux does not take.
local IDLE_MAX = 32767

--- Has the system ask a peer that was silent for `seconds` whether it is still
-- there, and again each time as much has passed; when it has not answered for
-- some times (Linux: 9), the connection fails with `code` "ETIMEDOUT_OS". Whole
-- seconds, rounded up; nil, the default, for never. Raises OSError with `code`
-- "ENOTSUP" if the stream is no TCP connection.
---@param seconds number?
function Stream:set_keepalive(seconds)
  if seconds == nil then seconds = math.huge end
  if type(seconds) ~= "number" or seconds ~= seconds or seconds <= 0
    or seconds > IDLE_MAX and seconds ~= math.huge then
    fail_argument(("stream:set_keepalive(seconds): seconds must be a number "
      .. "above 0, at most %d, or nil, got %s"):format(IDLE_MAX,
      errors.shown(seconds)))
  end
  local code = core.stream_set_keepalive(self[1], seconds)
  if code then fail_in(self, "set_keepalive", code, NO_TCP) end
end

--- Whether the stream is a terminal.
---@return boolean
function Stream:is_terminal()
  local code, flag = core.stream_is_terminal(self[1])
  if code then fail_in(self, "is_terminal", code) end
  return flag
end

--- How much is buffered: `unread` bytes that were read ahead, `unsent` bytes
-- that were written.
---@return table
function Stream:statistics()
  local code, unread, unsent = core.stream_sizes(self[1])
  if code then fail_in(self, "statistics", code) end
  return { unread = unread, unsent = unsent }
end

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
