--- The standard input, output and error of the process as streams.
--
-- `stdio.stdin`, `stdio.stdout` and `stdio.stderr` are opened when they are
-- first asked for, and anew in each run. Whatever they are - terminals, pipes,
-- sockets, files - they can be read from and written to in a task without
-- holding the others up, and block for the shell, for children and for `print`
-- as they did. Closing one leaves the process's own descriptor open.
--
-- What is written is on its way when write returns: write waits until the
-- system has taken all of it. What print has in its buffer goes first.
-- @module weft.stdio

local core = require "weft.core"
local stream = require "weft.stream"

local stdio = {}

local names = {
  stdin = { descriptor = 0, label = "stdio.stdin" },
  stdout = { descriptor = 1, label = "stdio.stdout", file = io.stdout },
  stderr = { descriptor = 2, label = "stdio.stderr", file = io.stderr },
}

-- The write of a stream that `print`, too, writes to.
local function write_through(write, file)
  return function(self, ...)
    file:flush()
    write(self, ...)
    self:flush()
  end
end

local function open(standard)
  local opened = stream.open(standard.descriptor)
  opened.label = standard.label -- for errors
  core.opened_forget(opened[1]) -- it stays open for the others
  if standard.file then
    opened.write = write_through(opened.write, standard.file)
  end
  standard.stream = opened
  return opened
end

setmetatable(stdio, {
  __index = function(_, name)
    local standard = names[name]
    if not standard then return nil end
    local opened = standard.stream
    if opened and core.stream_is_open(opened[1]) then return opened end
    return open(standard)
  end,
})

return stdio
