--- A gate at which a worker thread stands until the test lets it through: a
-- pair of semaphores of the C library, in memory that all threads see. Its
-- address is a number, so it can be given to a worker, which finds this module
-- by its name.
local ffi = require "ffi"

ffi.cdef [[
  typedef union { char size[32]; long align; } spec_sem;
  struct spec_gate { spec_sem begun, open, passed; };
  int sem_init(spec_sem *, int, unsigned);
  int sem_wait(spec_sem *);
  int sem_trywait(spec_sem *);
  int sem_post(spec_sem *);
  int sem_getvalue(spec_sem *, int *);
  void *malloc(size_t);
  void free(void *);
]]
local C = ffi.C

local gate = {}

local function at(address)
  return ffi.cast("struct spec_gate *", address)
end

--- Makes a gate for a test, which frees it at its end; returns its address.
function gate.new()
  local address = gate.make()
  require("weft.testing").defer(gate.free, address)
  return address
end

--- Makes one for the caller to free.
function gate.make()
  local object = ffi.cast("struct spec_gate *",
    C.malloc(ffi.sizeof "struct spec_gate"))
  C.sem_init(object.begun, 0, 0)
  C.sem_init(object.open, 0, 0)
  C.sem_init(object.passed, 0, 0) -- a count that many threads may add to
  return tonumber(ffi.cast("intptr_t", object))
end

--- For the worker: says that it is here, and waits to be let through.
function gate.pass(address)
  local object = at(address)
  C.sem_post(object.begun)
  repeat until C.sem_wait(object.open) == 0
  C.sem_post(object.passed)
end

--- Lets `count` workers through, by default one.
function gate.open(address, count)
  for _ = 1, count or 1 do C.sem_post(at(address).open) end
end

--- For the test: lets the others run until `count` workers more stand here.
function gate.await(address, count)
  local weft = require "weft"
  for _ = 1, count or 1 do
    while C.sem_trywait(at(address).begun) ~= 0 do weft.yield() end
  end
end

--- Whether another worker stands here that was not counted yet.
function gate.has_more(address)
  return C.sem_trywait(at(address).begun) == 0
end

--- How many have passed.
function gate.passed(address)
  local count = ffi.new "int[1]"
  C.sem_getvalue(at(address).passed, count)
  return count[0]
end

function gate.free(address) C.free(at(address)) end

--- The number of threads of the process.
function gate.threads()
  local file = io.open "/proc/self/status"
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "Threads:%s*(%d+)")
end

return gate
