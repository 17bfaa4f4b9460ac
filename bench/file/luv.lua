--- Files read by luv, in coroutines:
--   luajit bench/file/luv.lua large PATH         from beginning to end
--   luajit bench/file/luv.lua small DIR FILES    all at once, DIR/1 and so on
-- Prints the milliseconds, or the microseconds of one small file.

local coroutines = dofile "bench/peers/coroutines.lua"
local usage = dofile "bench/usage.lua"
local uv = require "luv"

local LARGE, END = 2 ^ 30, "the end."
local SMALL = 4096
local PIECE = 64 * 1024 -- LuaJIT maps longer strings one by one

-- What fn(..., callback) calls back with.
local function await(fn, ...)
  local arguments = { ... }
  local err, result = coroutines.wait(function(done)
    arguments[#arguments + 1] = done
    assert(fn(unpack(arguments)))
  end)
  assert(not err, err)
  return result
end

local works = {}

local function read_large(path)
  local file = await(uv.fs_open, path, "r", 384)
  local size, last = 0, nil
  while true do
    local piece = await(uv.fs_read, file, PIECE, -1)
    if piece == "" then break end
    size, last = size + #piece, piece
  end
  await(uv.fs_close, file)
  assert(size == LARGE and last:sub(-#END) == END, "wrong bytes")
end

function works.large(path)
  coroutines.run(1, function() read_large(path) end)
end

function works.small(dir, count)
  local contents = {}
  coroutines.run(count, function(i)
    local file = await(uv.fs_open, dir .. "/" .. i, "r", 384)
    local size = await(uv.fs_fstat, file).size
    contents[i] = await(uv.fs_read, file, size, 0)
    await(uv.fs_close, file)
  end)
  for i = 1, count do
    local content = contents[i]
    assert(#content == SMALL and tonumber(content) == i, "wrong bytes")
  end
end

local name, path, count = ...
count = tonumber(count)
local work = works[name]

work(path, count)
local began, cpu_began = usage.now(), usage.cpu()
work(path, count)
local unit = count and 1e6 / count or 1e3
print(("%s %.3f"):format(name, (usage.now() - began) * unit))
print(("cpu %.3f"):format((usage.cpu() - cpu_began) * unit))
