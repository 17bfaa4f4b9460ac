--- Keeps LuaJIT's compiler from losing its place in a `pairs` loop.
--
-- Such a loop holds its place in the table as a number, and traces that pass
-- its head read the number there. When the compiler has failed some ten times
-- to begin a trace at the head, it turns the loop into a general one, which
-- holds the key instead. LuaJIT before April 2022, Debian 12's among them,
-- forgets the traces there are already: they take half of the key for a place,
-- and the loop ends too early, or goes over entries twice. So here all traces
-- go when a loop is turned; those of use are soon compiled again. It happens
-- once in the life of a loop, so loops lose nothing.
--
-- LuaJIT lets one function know of traces: where there is one, as of `-jv`, it
-- stays, and one that comes later takes the place of this.
-- @module weft.compiled_pairs

local bytecode = require("jit.util").funcbc

local compiled_pairs = {}

local start, at, before -- the function, where in it, and what stood there

-- Of all instructions that the compiler gives up, the head of a pairs loop
-- alone becomes one with a lower number: ITERN the ITERC before it.
local function on_trace(event, _, fn, place, parent)
  if event == "start" and not parent then
    start, at, before = fn, place, bytecode(fn, place)
  elseif event == "abort" and start and bytecode(start, at) < before then
    jit.flush()
    start = nil
  else
    start = nil
  end
end

local is_watching = false

--- Has traces watched from now on, in this state of Lua.
function compiled_pairs.watch()
  if is_watching then return end
  is_watching = true
  if not next(debug.getregistry()._VMEVENTS or {}) then
    jit.attach(on_trace, "trace")
  end
end

return compiled_pairs
