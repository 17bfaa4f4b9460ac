-- docs/testing.md: its specs are run as it says, and print what it says.
--
--     ```lua spec/x_spec.lua   a file
--     ```console               "$ " and a command, then what that prints
--     ```lua fragment          a piece of Lua
--
-- Times, ports, descriptors and addresses are others each time.
local path = os.tmpname()

local function read_blocks()
  local blocks, open = {}, nil
  for line in io.lines "docs/testing.md" do
    local fence = line:match "^```(.*)$"
    if open and fence then
      blocks[#blocks + 1], open = open, nil
      blocks[#blocks].text = table.concat(blocks[#blocks], "\n") .. "\n"
    elseif open then
      open[#open + 1] = line
    elseif fence then
      open = { kind = fence }
    end
  end
  return blocks
end

local function write_file(name, text)
  local file = assert(io.open(path .. "/" .. name, "w"))
  file:write(text)
  file:close()
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What the command prints in the folder of the files.
local function run(command)
  local weft = os.getenv "WEFT" or "build/weft"
  local pipe = io.popen(("cd %s && PATH=%s:$PATH; export PATH; unset WEFT_SEED;"
    .. " timeout -k 5 60 sh -c %s 2>&1 </dev/null"):format(quote(path),
    quote(weft:match "^(.*)/[^/]*$"), quote(command)))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function without_accidents(text)
  return (text:gsub("\t", "    "):gsub(" : [%d.e-]+ seconds", " : N seconds")
    :gsub(" for [%d.]+ s%f[^%w]", ""):gsub("127%.0%.0%.1:%d+", "127.0.0.1:N")
    :gsub("descriptor %d+", "descriptor N"):gsub("0x%x+", "0xN")
    :gsub("%s+$", ""))
end

describe("docs/testing.md", function()
  local blocks = read_blocks()

  setup(function()
    os.remove(path)
    os.execute("mkdir -p " .. quote(path .. "/spec"))
    for _, block in ipairs(blocks) do
      local name = block.kind:match "^lua (spec/%S+)$"
      if name then write_file(name, block.text) end
    end
  end)
  teardown(function() os.execute("rm -r " .. quote(path)) end)

  local count = 0
  for _, block in ipairs(blocks) do
    local command, expected = block.text:match "^%$ ([^\n]*)\n(.*)$"
    if block.kind == "console" then
      count = count + 1
      it("prints what it says: " .. command, function()
        assert.equal(without_accidents(expected),
          without_accidents(run(command)))
      end)
    elseif block.kind == "lua fragment" then
      it("has Lua: " .. block[1], function()
        assert(loadstring(block.text))
      end)
    end
  end

  it("has commands", function() assert.is_true(count >= 8) end)
end)
