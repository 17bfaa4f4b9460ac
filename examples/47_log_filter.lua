--- Follows many log files at once, as `tail -f` does, and filters them.
--
--   weft examples/47_log_filter.lua
--
-- A task writes to each log while another follows it. It prints
--   api.log:
--     2 ERROR
--     4 ERROR
--     6 ERROR

local weft = require "weft"
local fs = weft.fs

local END = "end of log"

-- The lines of a file as they are written; it ends with the line END.
local follow = weft.generator(function(yield, path)
  local changes = fs.watch(path) -- before the first read: none is missed
  weft.with(fs.open(path), function(file)
    local rest = ""
    repeat
      for chunk in file:chunks() do
        rest = rest .. chunk
        for line in rest:gmatch "([^\n]*)\n" do
          if line == END then return end
          yield(line)
        end
        rest = rest:match "[^\n]*$" -- a line that is not all there yet
      end
    until not changes:next()
  end)
end)

-- The lines of a log that the pattern fits.
local function filter(path, pattern)
  local found = { path:match "[^/]+$" .. ":" }
  for line in follow(path) do
    if line:find(pattern) then found[#found + 1] = line end
  end
  return table.concat(found, "\n  ")
end

-- Every second line of the first log is an error, every third of the next ...
local function write(path, n)
  for i = 1, 6 do
    local text = i % (n + 1) == 0 and "ERROR" or "all is well"
    fs.write_file(path, i .. " " .. text .. "\n", { append = true })
  end
  fs.write_file(path, END .. "\n", { append = true })
end

weft.with(fs.tempdir(), function(dir)
  local paths = { dir .. "/api.log", dir .. "/db.log", dir .. "/web.log" }
  for i, path in ipairs(paths) do
    fs.write_file(path, "")
    weft.spawn(write, path, i)
  end
  local found = weft.map(paths, function(path) return filter(path, "ERROR") end)
  print(table.concat(found, "\n"))
end)
