-- What once was lost of the binding's own for want of memory. The allocator of
-- the state is exchanged for one that gives nothing: getenv, asked for a
-- variable that is not there, whatever its other arguments are.
local program = require "spec.program"

local WITHOUT_MEMORY = [[
  jit.off()
  local ffi = require "ffi"
  ffi.cdef "void *lua_getallocf(void *, void **);"
  ffi.cdef "void lua_setallocf(void *, void *, void *);"
  ffi.cdef "char *getenv(const char *);"
  local function at(address) return ffi.cast("void *", address) end
  local L = at(tonumber(tostring(coroutine.create(print)):match "0x%x+"))
  local set, data = ffi.C.lua_setallocf, ffi.new "void *[1]"
  local given, given_data = ffi.C.lua_getallocf(L, data), nil
  given_data = data[0]
  local name = "WEFT_NO_SUCH_VARIABLE"
  local none, none_data = at(ffi.C.getenv), at(ffi.cast("const char *", name))

  local function without_memory(fn, ...)
    collectgarbage "stop"
    set(L, none, none_data)
    local ok, err = pcall(fn, ...)
    set(L, given, given_data)
    collectgarbage "restart"
    return ok, err
  end
]]

describe("a spawn for which the table of the tasks cannot grow", function()
  it("raises, and leaves the next one the coroutine that there is", function()
    local result = program.run {
      "-e", WITHOUT_MEMORY .. [[
        local weft, core = require "weft", require "weft.core"
        local function coroutine_of_task()
          local co
          weft.spawn(function() co = coroutine.running() end):await()
          return co
        end
        local object = require("weft.task").new()
        local first = coroutine_of_task()
        local _, objects = debug.getupvalue(core.spawn, 2)
        debug.setupvalue(core.spawn, 2, {})
        print(without_memory(core.spawn, 0, object, print))
        debug.setupvalue(core.spawn, 2, objects)
        print(coroutine_of_task() == first)
      ]],
    }
    assert.equal("false\tnot enough memory\ntrue\n", result.out)
  end)
end)
