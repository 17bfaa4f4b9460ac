-- The standard streams, in programs of their own: with pipes, files and what
-- cannot be written to.
local lfs = require "lfs"

local WEFT = os.getenv "WEFT" or "build/weft"

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

describe("weft.stdio", function()
  local folder

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
  end)

  teardown(function()
    for name in lfs.dir(folder) do os.remove(folder .. "/" .. name) end
    assert(lfs.rmdir(folder))
  end)

  -- Of the shell: waits until a script has called `ready()`, 10 s at most.
  local AWAIT = "for i in $(seq 500); do [ -e DIR/ready ] && break; "
    .. "sleep 0.02; done"

  -- What the shell's `command` prints, where WEFT is the program that runs the
  -- script `body`, DIR the folder, and AWAIT waits for `ready()` in the script.
  local function shell(command, body)
    os.remove(folder .. "/ready")
    write_file(folder .. "/script.lua", [[
      local weft = require "weft"
      local stdio = weft.stdio
      local function ready()
        io.open("]] .. folder .. [[/ready", "w"):close()
      end
    ]] .. body)
    command = command:gsub("AWAIT", AWAIT)
      :gsub("WEFT", WEFT .. " " .. folder .. "/script.lua")
      :gsub("DIR", folder)
    local pipe = io.popen("exec 2>&1; " .. command)
    local text = pipe:read "*a"
    pipe:close()
    return text
  end

  local COPY = [[
    for line in stdio.stdin:lines() do stdio.stdout:write(line, ";") end
  ]]

  it("reads from and writes to pipes", function()
    assert.equal("a;b;c;", shell("printf 'a\nb\nc' | WEFT | cat", COPY))
  end)

  it("reads from a file and writes to one", function()
    write_file(folder .. "/input", "one\ntwo\n")
    assert.equal("", shell("WEFT < DIR/input > DIR/output", COPY))
    assert.equal("one;two;", read_file(folder .. "/output"))
  end)

  it("adds to a file, and leaves what it did not read", function()
    write_file(folder .. "/input", "one\ntwo\nthree\n")
    write_file(folder .. "/output", "before;")
    local text = shell("(WEFT >> DIR/output; cat) < DIR/input", [[
      stdio.stdout:write(stdio.stdin:read_line(), ";")
      stdio.stdin:close()
    ]])
    assert.equal("two\nthree\n", text)
    assert.equal("before;one;", read_file(folder .. "/output"))
  end)

  it("leaves what it did not read also without a close", function()
    write_file(folder .. "/input", "one\ntwo\n")
    assert.equal("one\ntwo\n", shell("(WEFT; cat) < DIR/input", [[
      print(stdio.stdin:read_line())
    ]]))
  end)

  it("keeps its order with print", function()
    for _, redirected in ipairs { "| cat", "> DIR/output; cat DIR/output" } do
      assert.equal("1\n2\n3\n4\n", shell("WEFT " .. redirected, [[
        print(1)
        stdio.stdout:write "2\n"
        io.write "3\n"
        stdio.stderr:write ""
        stdio.stdout:write "4\n"
      ]]))
    end
  end)

  it("has all written at the end of the program", function()
    assert.equal("5000000\n", shell("WEFT | (sleep 0.1; wc -c)", [[
      stdio.stdout:write(("x"):rep(5000000))
    ]]))
  end)

  it("tells stderr from stdout", function()
    assert.equal("err", shell("WEFT > /dev/null", [[
      stdio.stderr:write "err"
      stdio.stdout:write "out"
    ]]))
  end)

  it("lets others run while it waits for input", function()
    assert.equal("ticks: true", shell("(AWAIT; echo go) | WEFT", [[
      local ticks = 0
      local ticker = weft.spawn(function()
        while true do
          weft.sleep(0.01)
          ticks = ticks + 1
          if ticks == 4 then ready() end
        end
      end)
      assert(stdio.stdin:read_line() == "go")
      ticker:cancel()
      stdio.stdout:write("ticks: ", tostring(ticks > 3))
    ]]))
  end)

  it("can be given up by a timeout, and read later", function()
    assert.equal("TimeoutError late", shell("(AWAIT; echo late) | WEFT", [[
      local _, err = weft.try(weft.timeout, 0.05, function()
        return stdio.stdin:read_line()
      end)
      ready()
      stdio.stdout:write(err.name, " ", stdio.stdin:read_line())
    ]]))
  end)

  it("fails with the code of who does not take it", function()
    assert.equal("EPIPE: stdio.stdout:write: broken pipe",
      shell("(WEFT | true) 2>&1", [[
      local err
      repeat
        local _
        _, err = weft.try(stdio.stdout.write, stdio.stdout, "x\n")
      until err
      stdio.stderr:write(err.code, ": ", err.message)
    ]]))
    assert.equal("ENOSPC", shell("WEFT > /dev/full", [[
      local _, err = weft.try(stdio.stdout.write, stdio.stdout, "x\n")
      stdio.stderr:write(err.code)
    ]]))
  end)

  it("is at its end where there is no input", function()
    assert.equal("nil", shell("WEFT < /dev/null", [[
      stdio.stdout:write(tostring(stdio.stdin:read()))
    ]]))
  end)

  it("tells whether it is a terminal", function()
    assert.equal("false\n", shell("WEFT < /dev/null | cat", [[
      print(stdio.stdin:is_terminal())
    ]]))
  end)

  it("is empty where a descriptor was closed before", function()
    assert.equal("nil\n", shell("WEFT <&-", "print(stdio.stdin:read())"))
    assert.equal("done\n", shell("WEFT >&-", [[
      stdio.stdout:write "lost"
      stdio.stderr:write "done\n"
    ]]))
  end)

  it("opens anew what was closed, and in another run", function()
    assert.equal("ab", shell("luajit DIR/script.lua", [[
      for _, text in ipairs { "a", "b" } do
        weft.run(function()
          stdio.stdout:write(text)
          stdio.stdout:close()
        end)
      end
    ]]))
  end)

  it("leaves the descriptors of others blocking", function()
    assert.equal("b\n", shell("(echo a; AWAIT; echo b) | (WEFT; cat)", [[
      stdio.stdin:read_line()
      stdio.stdin:close()
      ready()
    ]]))
  end)
end)
