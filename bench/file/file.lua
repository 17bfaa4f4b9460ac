--- Files read:
--   weft bench/file/file.lua large PATH         from beginning to end
--   weft bench/file/file.lua into PATH          so, all into one buffer
--   weft bench/file/file.lua small DIR FILES    all at once, DIR/1 and so on
-- Prints the milliseconds, or the microseconds of one small file.

local string_buffer = require "string.buffer"
local weft = require "weft"
local usage = dofile "bench/usage.lua"

local LARGE, END = 2 ^ 30, "the end."
local SMALL = 4096

local works = {}

function works.large(path)
  local size, last = 0, nil
  weft.with(weft.fs.open(path), function(file)
    for piece in file:chunks() do
      size, last = size + #piece, piece
    end
  end)
  assert(size == LARGE and last:sub(-#END) == END, "wrong bytes")
end

function works.into(path)
  local buffer = string_buffer.new()
  local size, last = 0, nil
  weft.with(weft.fs.open(path), function(file)
    repeat
      local count = file:read_into(buffer:reset())
      size = size + (count or 0)
      if size == LARGE and count then last = buffer:tostring() end
    until not count
  end)
  assert(size == LARGE and last:sub(-#END) == END, "wrong bytes")
end

function works.small(dir, count)
  local paths = {}
  for i = 1, count do paths[i] = dir .. "/" .. i end
  local contents = weft.map(paths, function(path)
    return weft.fs.read_file(path)
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
local began, cpu_began = weft.now(), usage.cpu()
work(path, count)
local unit = count and 1e6 / count or 1e3
print(("%s %.3f"):format(name, (weft.now() - began) * unit))
print(("cpu %.3f"):format((usage.cpu() - cpu_began) * unit))
