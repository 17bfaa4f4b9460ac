--- The Lua of the documents: every block is run as a script of its own.
--
--     ```lua            a script, run by the weft program, but on the virtual
--                       clock, with `local weft = require "weft"` in front of
--                       its first line
--     ```lua fragment   a piece of a script: it need only be Lua
--     ```text           right after a script: all that this writes, stdout and
--                       stderr; a line "..." stands for any number of lines,
--                       and a time that computing took for any
--
-- A script without a block of text after it must write nothing.

local core = require "weft.core"
local errors = require "weft.error"
local weft = require "weft"
local testing = require "weft.testing"

testing.options { virtual = true }

local PAGES = {
  "docs/cancellation.md", "docs/debugging.md", "docs/errors.md",
  "docs/from-asyncio.md",
  "docs/network.md", "docs/processes.md", "docs/threads.md",
}

local PRELUDE = 'local weft = require "weft" '

-- What runs a script: the weft program, but on the virtual clock. Its output
-- is not buffered, so that both streams stay in order. luajit has a handler of
-- its own for SIGINT, and weft takes over signals only from the default.
local PROGRAM = [[
io.stdout:setvbuf "no"
local ffi = require "ffi"
ffi.cdef "void *signal(int, void *);"
ffi.C.signal(2, nil)
local weft, run = require "weft", require "weft.run"
weft.run = function(...) return run.run_with({ virtual = true }, ...) end
os.exit(require("weft.cli").main { [0] = "weft", "script.lua" })]]

-- -- Reading the pages -------------------------------------------------------

-- The blocks of a page: `line`, `kind` ("lua exit 1"), `text`; `follows`, if
-- nothing but empty lines parts it from the block before.
local function read_blocks(path)
  local blocks, open, number, follows = {}, nil, 0, false
  for line in io.lines(path) do
    number = number + 1
    local fence = line:match "^```(.*)$"
    if open and fence then
      open.text = table.concat(open, "\n")
      blocks[#blocks + 1], open, follows = open, nil, true
    elseif open then
      open[#open + 1] = line
    elseif fence then
      open = { line = number, kind = fence, follows = follows }
    elseif line ~= "" then
      follows = false
    end
  end
  assert(not open, path .. ": a block is not closed")
  return blocks
end

-- The scripts of a page, each with `expected`, the lines it writes, and
-- `status`; and its fragments.
local function read_page(path)
  local scripts, fragments, before = {}, {}, nil
  for _, block in ipairs(read_blocks(path)) do
    local status = block.kind:match "^lua exit (%d+)$"
    if block.kind == "lua" or status then
      block.expected, block.status = {}, tonumber(status or 0)
      scripts[#scripts + 1] = block
    elseif block.kind == "lua fragment" then
      fragments[#fragments + 1] = block
    elseif block.kind == "text" and block.follows and before.expected then
      before.expected = block
    else
      assert(not block.kind:match "^lua", ("%s:%d: unknown kind of block: %s")
        :format(path, block.line, block.kind))
    end
    before = block
  end
  return scripts, fragments
end

-- -- Running and comparing ---------------------------------------------------

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- Runs the script in a folder of its own, so that tracebacks call it
-- script.lua. Returns the lines it wrote and its status.
local function run_script(text)
  local name = os.tmpname()
  os.remove(name)
  assert(os.execute("mkdir " .. name) == 0)
  write_file(name .. "/script.lua", PRELUDE .. text .. "\n")
  local pipe = io.popen(("cd %s && env --default-signal=INT,TERM "
    .. "timeout -k 5 --foreground 60 luajit -e %s 2>&1 </dev/null; "
    .. "echo status $?"):format(name, quote(PROGRAM)))
  local output = pipe:read "*a"
  pipe:close()
  os.execute("rm -r " .. name)
  local written, status = output:match "^(.-)status (%d+)\n$"
  local lines = {}
  for line in written:gmatch "([^\n]*)\n?" do lines[#lines + 1] = line end
  while lines[#lines] == "" do lines[#lines] = nil end
  return lines, tonumber(status)
end

-- How long computing and blocking took, no two runs agree on.
local function timeless(line)
  return line and line:gsub("took %d+ ms", "took N ms")
    :gsub("held the loop for [%d.]+ s", "held the loop for N s")
end

-- Whether the lines from `at` on are those expected from `wanted` on.
local function matches(lines, expected, at, wanted)
  at, wanted = at or 1, wanted or 1
  while expected[wanted] ~= "..." do
    if timeless(lines[at]) ~= timeless(expected[wanted]) then return false end
    if lines[at] == nil then return true end
    at, wanted = at + 1, wanted + 1
  end
  for rest = at, #lines + 1 do
    if matches(lines, expected, rest, wanted + 1) then return true end
  end
  return false
end

local function check_script(script)
  local lines, status = run_script(script.text)
  local written = table.concat(lines, "\n")
  if not matches(lines, script.expected) then
    error(("expected:\n%s\n\nwritten:\n%s\n")
      :format(table.concat(script.expected, "\n"), written), 0)
  end
  assert.equal(script.status, status, written)
end

-- -- The tests ---------------------------------------------------------------

for _, path in ipairs(PAGES) do
  describe(path, function()
    local scripts, fragments = read_page(path)

    for _, script in ipairs(scripts) do
      it("does what it says at line " .. script.line,
        function() check_script(script) end)
    end

    for _, fragment in ipairs(fragments) do
      it("has a fragment that is Lua at line " .. fragment.line, function()
        assert.truthy(loadstring(fragment.text))
      end)
    end
  end)
end

-- -- Names ------------------------------------------------------------------

-- What stands for what in the tables, "queue" for a queue. Some of it lives
-- only while `fn` runs.
local function with_samples(fn)
  local sender, receiver = weft.channel()
  local samples = {
    weft = weft, net = weft.net, dns = weft.dns,
    executor = weft.executor, process = weft.process,
    task = weft.spawn(function() end),
    timer = weft.call_soon(function() end), future = weft.future(),
    queue = weft.queue(), lock = weft.lock(), event = weft.event(),
    condition = weft.condition(), barrier = weft.barrier(1),
    limiter = weft.limiter(1), sender = sender, receiver = receiver,
    var = weft.context_var "var", gen = weft.generator(function() end)(),
    stream = require("weft.stream").wrap(0),
    listener = require("weft.listener").wrap(0),
    err = errors.group({ weft.Error "sample" }, { cause = "sample" }),
  }
  samples.task:await()
  weft.group(function(g)
    samples.g, samples.scope = g, g.scope
    weft.stack(function(stack)
      samples.stack = stack
      fn(samples)
    end)
  end)
end

-- Calls `fn` with each piece of code in the right column of a page's tables,
-- and the text that follows it in its cell.
local function each_code(path, fn)
  for line in io.lines(path) do
    local cell = line:match "^| .* | (.*) |$" or ""
    for code, after in cell:gmatch "`([^`]*)`([^`]*)" do
      fn(code, after)
    end
  end
end

-- What is wrong with the name that the code begins with, if anything is.
local function problem_of(code, after, samples)
  local name = code:match "^([%a_][%w_]*)"
  local object, member = code:match "^([%a_]+)[.:]([%a_]+)"
  if after:match "^: not built yet" then
    return weft[name] ~= nil and code .. ": is built by now"
  elseif object then
    local ok = samples[object] ~= nil and samples[object][member] ~= nil
    return not ok and code .. ": there is no " .. member
  elseif code:match "^%u%w+$" or code:match "^[%a_]+%s?[({]" then
    local known = weft[name] ~= nil or _G[name] ~= nil or name == "ready"
    return not known and code .. ": there is no weft." .. name
  end
end

describe("docs/from-asyncio.md", function()
  it("names only what there is", function()
    local problems, count = {}, 0
    with_samples(function(samples)
      each_code("docs/from-asyncio.md", function(code, after)
        count = count + 1
        problems[#problems + 1] = problem_of(code, after, samples) or nil
      end)
    end)
    assert.equal("", table.concat(problems, "\n"))
    assert.truthy(count > 100)
  end)
end)

describe("docs/errors.md", function()
  local text = {}
  for line in io.lines "docs/errors.md" do text[#text + 1] = line end

  local function has_line(pattern, part)
    for _, line in ipairs(text) do
      if line:find(pattern) and line:find(part, 1, true) then return true end
    end
  end

  it("has every class in its tree and says when it is raised", function()
    for name in pairs(errors.classes) do
      assert.truthy(has_line("^    .*%f[%w]" .. name .. "$", name), name)
      assert.truthy(has_line("^| [%w, ]*%f[%w]" .. name .. "%f[%W]", name),
        name)
    end
  end)

  it("tells the class of every code that is weft's own", function()
    local code = -1
    local class, _, name = core.error_text(code)
    while name ~= "EUNKNOWN" do
      assert.truthy(has_line("^| .*WEFT_" .. name .. "%f[^%w_]", class), name)
      code = code - 1
      class, _, name = core.error_text(code)
    end
    assert.truthy(code < -20)
  end)
end)

describe("the test of the documents", function()
  it("sees a line too many, one that is missing, and a wrong one", function()
    assert.truthy(matches({ "a", "b" }, { "a", "b" }))
    assert.falsy(matches({ "a", "b" }, { "a" }))
    assert.falsy(matches({ "a" }, { "a", "b" }))
    assert.falsy(matches({ "a", "b" }, { "a", "c" }))
  end)

  it("sees a name that there is not", function()
    with_samples(function(samples)
      assert.truthy(problem_of("queue:qsize()", "", samples))
      assert.truthy(problem_of("qsize(x)", "", samples))
      assert.truthy(problem_of("QueueClosed", "", samples))
      assert.truthy(problem_of("sleep", ": not built yet", samples))
      assert.falsy(problem_of("sleep(s)", "", samples))
    end)
  end)

  it("takes three dots for any lines", function()
    assert.truthy(matches({ "a", "b", "c" }, { "a", "...", "c" }))
    assert.truthy(matches({ "a", "c" }, { "a", "...", "c" }))
    assert.truthy(matches({ "a", "c", "b", "c" }, { "...", "c" }))
    assert.falsy(matches({ "a", "b" }, { "a", "...", "c" }))
  end)

  it("sees what a script writes, also to stderr, and its status", function()
    local lines, status = run_script
      'print "a" io.stderr:write "b\\n" weft.sleep(3600) print "c" return 3'
    assert.same({ "a", "b", "c" }, lines)
    assert.equal(3, status)
  end)
end)
