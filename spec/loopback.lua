--- What the specs of I/O share: connections with both ends in this process,
-- and what weft does not show of their sockets. The numbers are Linux's.
local ffi = require "ffi"
local lfs = require "lfs"
local weft = require "weft"
local net = require "weft.net"
local streams = require "weft.stream"
local faults = require "weft.testing.faults"
local stream_pair = require "weft.testing.stream_pair"
local testing = require "weft.testing"
local helper = require "spec.helper"

local loopback = {}

ffi.cdef [[
  struct spec_limit { unsigned long soft, hard; };
  struct spec_address { uint16_t family; uint8_t port[2]; uint8_t rest[124]; };
  struct spec_linger { int on, seconds; };
  struct spec_poll { int fd; short wanted, found; };
  int getrlimit(int resource, struct spec_limit *limit);
  int setrlimit(int resource, const struct spec_limit *limit);
  int getsockname(int fd, struct spec_address *address, unsigned *size);
  int getpeername(int fd, struct spec_address *address, unsigned *size);
  int setsockopt(int fd, int level, int option, const void *value,
                 unsigned size);
  int poll(struct spec_poll *polls, unsigned long count, int milliseconds);
  int socketpair(int family, int type, int protocol, int fds[2]);
  int pipe2(int fds[2], int flags);
  int fileno(void *file);
]]
local RLIMIT_NOFILE, SOL_SOCKET, SO_LINGER, POLLIN = 7, 1, 13, 1
local AF_UNIX, SOCK_STREAM, CLOEXEC = 1, 1, 0x80000

--- More than the kernel takes of a connection whose peer does not read.
loopback.MUCH = ("0123456789abcdef"):rep(1024 * 1024)

local current -- the kind of pairs that are made, of loopback.KINDS

-- -- Descriptors -------------------------------------------------------------

--- The number of open descriptors, and the highest.
function loopback.descriptors()
  local count, highest = 0, 0
  for name in lfs.dir "/dev/fd" do
    local fd = tonumber(name)
    if fd then count, highest = count + 1, math.max(highest, fd) end
  end
  return count, highest
end

--- The descriptor of a file of Lua's.
function loopback.fileno(file) return ffi.C.fileno(file) end

--- Sets how many descriptors the process may have; returns what it was.
function loopback.limit_descriptors(count)
  local limit = ffi.new "struct spec_limit"
  assert(ffi.C.getrlimit(RLIMIT_NOFILE, limit) == 0)
  local before = tonumber(limit.soft)
  limit.soft = count
  assert(ffi.C.setrlimit(RLIMIT_NOFILE, limit) == 0)
  return before
end

--- Leaves the process no descriptor to open, or `left`; returns what undoes
-- that.
function loopback.exhaust_descriptors(left)
  local _, highest = loopback.descriptors()
  local before = loopback.limit_descriptors(highest + 1)
  -- Those below the highest that are free are taken first.
  local fillers = {}
  while true do
    local file = io.open "/dev/null"
    if not file then break end
    fillers[#fillers + 1] = file
  end
  for _ = 1, left or 0 do table.remove(fillers):close() end
  return function()
    loopback.limit_descriptors(before)
    for _, file in ipairs(fillers) do file:close() end
  end
end

local function port_in(address) return tonumber(address:match ":(%d+)$") end

-- The port by getsockname or getpeername; nil where there is none.
local function port_by(get_name, fd)
  local address = ffi.new "struct spec_address"
  local size = ffi.new("unsigned[1]", ffi.sizeof(address))
  if get_name(fd, address, size) ~= 0 then return nil end
  return address.port[0] * 256 + address.port[1]
end

local function descriptor_of(own, peer)
  local _, highest = loopback.descriptors()
  for fd = 0, highest do
    if port_by(ffi.C.getsockname, fd) == own
      and port_by(ffi.C.getpeername, fd) == peer then
      return fd
    end
  end
  error "no such socket"
end

-- Of streams that have no ports.
local descriptors = setmetatable({}, { __mode = "k" })

local function descriptor_of_stream(stream)
  if descriptors[stream] then return descriptors[stream] end
  return descriptor_of(port_in(stream:local_address()), port_in(stream:peer()))
end

-- Blocks until the kernel has something to read there. What is sent to the own
-- machine has mostly arrived when the call returns, but not always.
local function await_arrival(fd)
  local one = ffi.new("struct spec_poll[1]", { { fd, POLLIN, 0 } })
  assert(ffi.C.poll(one, 1, 10000) == 1)
end

--- Blocks until something has arrived that the stream has not read. What the
-- peer has written may else wait for the end of this turn.
function loopback.await_bytes(stream, peer)
  pcall(peer.flush, peer) -- it may be closed
  if current.in_memory then return end
  await_arrival(descriptor_of_stream(stream))
end

--- Blocks until a connection waits to be accepted.
function loopback.await_connection(listener)
  await_arrival(descriptor_of(port_in(listener:address()), nil))
end

-- -- Connections -------------------------------------------------------------

function loopback.listen(host)
  return net.listen { host = host or "127.0.0.1", port = 0 }
end

function loopback.port_of(listener) return port_in(listener:address()) end

function loopback.connect(listener)
  return net.connect { host = "127.0.0.1", port = port_in(listener:address()) }
end

-- -- Kinds -------------------------------------------------------------------
-- What streams are made of. `duplex`: both ends are read from and written to;
-- else the first end is read from, or written to where `writes` says so.

local function tcp_pair()
  local listener = loopback.listen()
  local stream = loopback.connect(listener)
  local peer = listener:accept()
  listener:close()
  return stream, peer
end

--- A stream of a descriptor.
function loopback.open(descriptor)
  local opened = streams.open(descriptor)
  descriptors[opened] = descriptor
  return opened
end

--- The two descriptors of a pipe, or of connected unix sockets.
function loopback.pipe()
  local fds = ffi.new "int[2]"
  assert(ffi.C.pipe2(fds, CLOEXEC) == 0)
  return fds[0], fds[1]
end

function loopback.socketpair()
  local fds = ffi.new "int[2]"
  assert(ffi.C.socketpair(AF_UNIX, SOCK_STREAM + CLOEXEC, 0, fds) == 0)
  return fds[0], fds[1]
end

local function unix_pair()
  local first, second = loopback.socketpair()
  return loopback.open(first), loopback.open(second)
end

local function pipe_pair(writes)
  local first, second = loopback.pipe()
  if writes then first, second = second, first end
  return loopback.open(first), loopback.open(second)
end

--- Has the stream's close reset the connection.
function loopback.linger_not(stream)
  local linger = ffi.new("struct spec_linger", 1, 0)
  assert(ffi.C.setsockopt(descriptor_of_stream(stream), SOL_SOCKET, SO_LINGER,
    linger, ffi.sizeof(linger)) == 0)
end

local function reset_tcp(_, peer)
  loopback.linger_not(peer)
  peer:close()
end

-- The end of a unix socket is a reset if it has not read all.
local function reset_unix(stream, peer)
  if stream:statistics().unsent == 0 then stream:write "unread" end
  peer:close()
end

local function reset_memory(_, peer)
  faults.set(peer, { reset_after = 0 })
  loopback.poll() -- which tells both ends
  peer:exit(true)
end

loopback.KINDS = {
  { name = "TCP", duplex = true, pair = tcp_pair, reset = reset_tcp },
  { name = "unix sockets", duplex = true, pair = unix_pair,
    reset = reset_unix },
  { name = "pipes", duplex = false, pair = pipe_pair,
    reset = function(_, peer) peer:close() end },
  { name = "memory", duplex = true, in_memory = true,
    pair = function() return stream_pair.new() end, reset = reset_memory },
}

current = loopback.KINDS[1]

--- From now on pairs are of this kind; of TCP without one.
function loopback.use(kind) current = kind or loopback.KINDS[1] end

-- -- Pairs -------------------------------------------------------------------

--- Two ends of a connection. What has one direction only is written to at the
-- first end if `writes` is true, else at the second.
function loopback.pair(writes) return current.pair(writes) end

--- Such a pair until the end of the test.
function loopback.new_pair(writes)
  local stream, peer = loopback.pair(writes)
  testing.defer(loopback.exit_all, { stream, peer })
  return stream, peer
end

local function with_pair(body, writes)
  local stream, peer = loopback.pair(writes)
  body(stream, peer)
  stream:exit(true)
  peer:exit(true)
end

--- Calls body(stream, peer) with the ends of a connection, and closes them; the
-- first can be read from.
function loopback.with_pair(body) with_pair(body, false) end

--- The same; the first can be written to.
function loopback.with_writing_pair(body) with_pair(body, true) end

function loopback.close_all(objects)
  for _, object in ipairs(objects) do object:close() end
end

function loopback.exit_all(list)
  for _, stream in ipairs(list) do stream:exit(true) end
end

--- Closes `peer` so that the other end gets a reset, which has arrived there
-- when this returns; of a pipe, its end.
function loopback.reset(stream, peer)
  if current.in_memory then return current.reset(stream, peer) end
  local fd = descriptor_of_stream(stream)
  current.reset(stream, peer)
  await_arrival(fd)
end

--- Reads to the end; returns the number of bytes, and the last eight.
function loopback.drain(stream)
  local size, tail = 0, ""
  for bytes in function() return stream:read() end do
    size, tail = size + #bytes, (tail .. bytes):sub(-8)
  end
  return size, tail
end

-- -- Tasks -------------------------------------------------------------------

--- Lets everybody run, and the loop poll, a few times.
function loopback.settle()
  for _ = 1, 5 do weft.yield() end
end

--- Lets everybody run until the loop has polled, which it leaves out after
-- turns that took no time. Whom the poll wakes runs after the caller.
function loopback.poll()
  local before = weft.stats().polls
  repeat weft.yield() until weft.stats().polls > before
end

--- A task that is parked in fn(...).
function loopback.parked(fn, ...)
  local task = weft.spawn(fn, ...)
  loopback.settle()
  assert(not task:done(), "it did not have to wait")
  return task
end

--- Checks that fn(...) raises an error of the class; returns that.
function loopback.assert_fails(class, fn, ...)
  local err = helper.error_of(fn, ...)
  assert(err:is(class), "got " .. tostring(err))
  return err
end

--- Cancels a task and checks that this is how it ends.
function loopback.assert_cancelled(task)
  task:cancel()
  loopback.assert_fails("TaskCancelledError", task.await, task)
end

return loopback
