--- What reads a line from the terminal, without holding up the tasks.
--
-- With Debian's lua-readline that is GNU readline, by its interface for event
-- loops: we wait until something was typed, and it takes what was. It has the
-- terminal only while a line is typed, so what runs finds the terminal as the
-- shell left it. Without the package, or a terminal, lines come as they are.
--
-- Both kinds have `read(prompt)`, the next line or nil at the end, which parks;
-- cancelled, what was typed is dropped. `remember(line)` puts a line where the
-- arrow keys find it. `close()` leaves the terminal as it was found.
-- @module weft.prompt.editor

local core = require "weft.core"
local errors = require "weft.error"
local history = require "weft.prompt.history"

local editor = {}

-- -- Readline -----------------------------------------------------------------

local Readline = {}
Readline.__index = Readline

-- Readline is no parking call's friend: its functions are called and return,
-- the waits are ours. The handler is gone on every way out.
local function type_line(library, prompt)
  local line, over = nil, false
  io.stdout:flush()
  library.handler_install(prompt, function(text)
    line, over = text, true
    library.handler_remove()
  end)
  repeat
    local code = core.terminal_wait()
    if code then
      library.sigcleanup()
      library.handler_remove()
      return nil, code
    end
    library.read_char()
  until over
  return line
end

function Readline:read(prompt)
  local line, code = type_line(self.library, prompt)
  self.is_dropped = code ~= nil
  if code then
    io.stdout:write "\n"
    errors.fail(code)
  end
  if not line then io.stdout:write "\n" end
  return line
end

function Readline:remember(line)
  if line == self.last or not line:find "%S" then return end
  self.last = line
  self.library.add_history(line)
  if self.history then history.add(self.history, (line:gsub("\n", " "))) end
end

-- Readline gives the terminal back when a line has been typed to its end; one
-- that was dropped leaves that to the next, or to us: pasting in brackets, too.
function Readline:close()
  core.terminal_restore(0, self.settings)
  if self.is_dropped and os.getenv "TERM" ~= "dumb" then
    io.stdout:write "\27[?2004l"
    io.stdout:flush()
  end
end

-- What readline takes for a word, from `from` until before `past`, may begin
-- before ours.
local function completer(library, complete)
  return function(text, from, past)
    library.set_completion_append_character ""
    local names, word = complete(text:sub(1, past - 1))
    local prefix = text:sub(from, past - 1 - #word)
    for i, name in ipairs(names) do names[i] = prefix .. name end
    return names
  end
end

local function has_terminal()
  local file = io.open("/dev/tty", "r+")
  return file ~= nil and file:close() ~= nil
end

local function open_readline(file, complete)
  local ok, library = pcall(require, "readline")
  if not ok or not library.handler_install or not has_terminal() then
    return nil
  end
  library.set_readline_name "weft"
  library.set_options {
    histfile = file or "", auto_add = false, keeplines = history.LINES_MAX,
  }
  library.set_complete_function(completer(library, complete))
  return setmetatable({
    library = library, history = file, settings = core.terminal_save(0),
    is_dropped = false,
  }, Readline)
end

-- -- Plain lines --------------------------------------------------------------

local Plain = {}
Plain.__index = Plain

function Plain:read(prompt)
  io.stdout:write(prompt)
  io.stdout:flush()
  local stdin = require("weft.stdio").stdin
  local ok, line = pcall(stdin.read_line, stdin)
  if ok then return line end
  io.stdout:write "\n"
  error(line, 0)
end

function Plain:remember() end

function Plain:close() end

-- -- Which --------------------------------------------------------------------

--- Opens an editor. The second result tells whether it can do no more than read
-- lines, though there is a terminal.
---@param file string? the file of the lines typed before
---@param complete function gets a text; the list of what its end may become,
-- and the word that that stands for
function editor.open(file, complete)
  local is_terminal = core.terminal_size(0) and core.terminal_size(1)
  local opened = is_terminal and open_readline(file, complete)
  if opened then return opened, false end
  return setmetatable({}, Plain), is_terminal ~= nil
end

return editor
