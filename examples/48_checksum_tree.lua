--- Checksums of a directory tree, computed by worker threads.
--
--   weft examples/48_checksum_tree.lua
--
-- It takes a directory as argument. Without one it makes its own, and prints
--   dca8d439  doc/guide.md
--   8431ee59  readme.txt
--   eb2b4ea6  src/core/loop.c
--   d27cf940  src/core/task.c
--   35b72e5e  src/main.lua
--   5e261d78  src/util.lua
--   6 files, 93 KiB, all of them: 96f22baf

local bit, weft = require "bit", require "weft"

-- Adler-32. A worker gets a copy, which it compiles once.
local function checksum(text)
  local a, b = 1, 0
  for i = 1, #text do
    a = (a + text:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return bit.tohex(bit.bor(bit.lshift(b, 16), a))
end

-- Plain I/O keeps no task waiting here.
local function checksum_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return { sum = checksum(text), size = #text }
end

local function print_tree(root)
  local texts, size = {}, 0
  local paths = weft.collect(weft.fs.walk(root), function(path, kind)
    return kind == "file" and path or nil
  end)
  local files = weft.with(weft.executor.threads(), function(executor)
    return executor:map(paths, checksum_file)
  end)
  for i, file in ipairs(files) do
    size, texts[i] = size + file.size, file.sum .. "  "
      .. paths[i]:sub(#root + 2)
    print(texts[i])
  end
  print(("%d files, %d KiB, all of them: %s"):format(#files, size / 1024,
    checksum(table.concat(texts))))
end

if ... then return print_tree((...)) end
weft.with(weft.fs.tempdir(), function(root)
  weft.fs.mkdir(root .. "/src/core", { parents = true })
  weft.fs.mkdir(root .. "/doc")
  for i, name in ipairs { "/readme.txt", "/src/main.lua", "/src/util.lua",
    "/src/core/loop.c", "/src/core/task.c", "/doc/guide.md" } do
    weft.fs.write_file(root .. name, (name .. "\n"):rep(300 * i))
  end
  print_tree(root)
end)
