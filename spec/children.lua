--- What the specs of processes share: counting children.
local ffi = require "ffi"

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

return children
