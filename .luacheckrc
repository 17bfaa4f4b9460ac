-- How luacheck reads the Lua of weft: clean, without exceptions in the code.
std = "luajit"
max_line_length = 80
self = false -- a method need not use its self
include_files = {
  "lua/**/*.lua", "spec/**/*.lua", "examples/**/*.lua", "bench/**/*.lua",
  "bindings/**/*.lua", ".ci/*.lua", ".ci/include", ".ci/lint-docs",
  ".ci/lint-header", ".ci/lint-layers", ".ci/lint-text", ".ci/rules",
  ".luacheckrc", ".busted", "config.ld",
}

-- Loops there are by weft.entries, which says why.
files["lua"] = { not_globals = { "pairs" } }

-- Its purpose is to put weft's functions into the global `coroutine`.
files["lua/weft/coroutine.lua"] = { ignore = { "122/coroutine" } }

files["bench/*/openresty.lua"] = { std = "+ngx_lua" }
files["bench/peers/openresty.lua"] = { std = "+ngx_lua" }
files["spec"] = { std = "+busted" }
files["lua/weft/testing.lua"] = { std = "+busted" }
files[".luacheckrc"] = { std = "luacheckrc" }
files["config.ld"] = { std = "ldoc" }
