--- What the specs of the prompt share: running `weft` on a terminal of its own,
-- by terminal.py, and talking to it. No step sleeps: each waits for what is to
-- come.
local cjson = require "cjson"
local program = require "spec.program"

local terminal = {}

local WEFT = os.getenv "WEFT" or "build/weft"

-- Debian's, if it is there: another may be a script that looks for one.
local PYTHON = io.open "/usr/bin/python3" and "/usr/bin/python3" or "python3"

-- What terminal.py is told of a step. The terminal writes "\r\n" for "\n".
local function plan_of(step)
  if type(step) == "string" then return { "send", step } end
  local verb = next(step)
  if verb ~= 1 then return { verb, step[verb] } end
  return { "expect", (step[1]:gsub("\n", "\r\n")) }
end

--- Runs `weft` with the arguments `args`. In the list `steps` a string is
-- typed, { "text" } is waited for, { resize = { rows, columns } }, { signal =
-- "TERM" } and { kill = pid }, which is another process, do that. args.env is
-- put into the environment; args.size is the terminal's. Fails if a text does
-- not come. Returns the `screen`, without carriage returns, the `status`, and
-- whether the terminal echoes at the end, `echo`.
function terminal.run(args, steps)
  local plan = { command = { WEFT, unpack(args) }, size = args.size,
    env = args.env, steps = {} }
  for i, step in ipairs(steps) do plan.steps[i] = plan_of(step) end
  local path = program.file(cjson.encode(plan))
  local text = program.output_of("timeout -k 5 100 " .. PYTHON
    .. " spec/terminal.py " .. path)
  os.remove(path)
  local result = cjson.decode(text)
  local screen = result.screen:gsub("\r", "")
  if result.missing ~= cjson.null then
    error(("%q has not come; there is:\n%s"):format(result.missing, screen), 2)
  end
  return { screen = screen, status = result.status, echo = result.echo }
end

return terminal
