--- Streams: connections, to be read from and written to.
--
-- Each call waits for as long as it takes: put it in a timeout. A call that is
-- cancelled has taken no byte and sent none.
-- @module weft.stream

local core = require "weft.core"
local errors = require "weft.error"
local reading = require "weft.reading"
local scope = require "weft.scope"

local fail, fail_argument = errors.fail, errors.fail_argument

local stream = {}

-- How long leaving a `with` waits for the peer to take what is unsent.
local GRACE = 5

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
-- What files can do as well is in weft.reading.

reading.add_methods(Stream, "stream")

-- For those methods: a code means the same in all of them.
function Stream:fail_read(_, code) fail_io(self, code) end

--- Reads what there is: at least one byte, at most `n`; nil at the end. Parks.
---@param n number?
---@return string?
function Stream:read(n)
  if n ~= nil then reading.check_count(n, 1, "stream:read(n): n") end
  local code, bytes = core.read_some(self[1], n)
  if code then fail_io(self, code) end
  return bytes
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
