--- What the specs of processes share: counting children and descriptors.
local ffi = require "ffi"
local process = require "weft.process"
local loopback = require "spec.loopback"

local children = {}

ffi.cdef [[
  int waitpid(int pid, int *status, int options);
  int kill(int pid, int signal);
  int getpid(void);
]]
local WNOHANG = 1

--- Ignores SIGTERM, says that it is ready, and would sleep for long.
children.STUBBORN = "trap '' TERM; echo ready; exec sleep 1000"

--- Whether this process has a child, or the remains of one.
function children.any() return ffi.C.waitpid(-1, nil, WNOHANG) ~= -1 end

--- A test that fails if it leaves a descriptor or a child behind.
function children.counted(fn)
  return function(...)
    process.run { "true" } -- with its first pipe a loop opens one of its own
    loopback.settle()
    local before = loopback.descriptors()
    fn(...)
    loopback.settle()
    assert(not children.any(), "a child is left")
    local after = loopback.descriptors()
    assert(before == after, ("%d descriptors before, %d after"):format(before,
      after))
  end
end

return children
