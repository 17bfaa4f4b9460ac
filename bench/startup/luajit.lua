--- A program that does nothing, in bare LuaJIT.

assert(jit)
