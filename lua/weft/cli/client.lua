--- Asking another process, by its inspection socket, what it is doing.
--
-- Where the socket is, is told by core/inspect.c: a file named after the
-- process in a folder that only its user can enter. Which folder that is
-- depends on the process's environment, so all that it can be are tried.
-- @module weft.cli.client

local weft = require "weft"

local client = {}

local PATIENCE = 2 -- seconds until a program that does not answer is told of

local fs = weft.fs

-- -- The process --------------------------------------------------------------

local function try_stat(path) return (weft.try(fs.stat, path)) end

local function try_read(path) return (weft.try(fs.read_file, path)) end

-- One letter, as ps tells it: "Z" for one that has ended and was not asked
-- for its status, "T" for one that is stopped. nil if there is none.
local function state_of(pid)
  local text = try_read("/proc/" .. pid .. "/stat")
  return text and text:match "^.*%) (%u)"
end

-- The number of the user whose process it is; nil if it has ended, perhaps
-- between the two looks.
local function user_of(pid)
  local found, state = try_stat("/proc/" .. pid), state_of(pid)
  local is_there = found and state and state ~= "Z" and state ~= "X"
  return is_there and found.uid or nil
end

-- Whether the process is the `weft` program, for all we can tell.
local function is_weft(pid)
  local name = try_read("/proc/" .. pid .. "/comm")
  return name ~= nil and name:match "^weft\n?$" ~= nil
end

local function runtime_folder_of(pid)
  local environment = try_read("/proc/" .. pid .. "/environ") or ""
  return ("\0" .. environment):match "%zXDG_RUNTIME_DIR=(/%Z+)"
end

-- -- The socket ---------------------------------------------------------------

local function folders_of(pid, uid)
  local folders = {}
  local function add(base)
    if base then folders[#folders + 1] = base .. "/weft" end
  end
  add(runtime_folder_of(pid))
  add(os.getenv "XDG_RUNTIME_DIR")
  add(("/run/user/%d"):format(uid))
  folders[#folders + 1] = ("/tmp/weft-%d"):format(uid)
  return folders
end

-- A folder of somebody else's is no place to believe.
local function find_socket(pid, uid)
  for _, folder in ipairs(folders_of(pid, uid)) do
    local found = weft.try(fs.lstat, folder)
    local is_good = found and found.type == "directory" and found.uid == uid
    local path = folder .. "/" .. pid
    if is_good and try_stat(path) then return path end
  end
  return nil
end

local function is_path(target) return target:find("/", 1, true) ~= nil end

-- Whether the process has ended.
local function is_gone(target)
  return not is_path(target) and not user_of(target)
end

-- Likewise of one whose socket has nobody behind it: it may be about to end.
local function is_ending(target)
  for _ = 1, PATIENCE / 0.02 do
    if is_path(target) or is_gone(target) then break end
    weft.sleep(0.02)
  end
  return is_gone(target)
end

-- -- What can be wrong --------------------------------------------------------

-- Failures of a question: an Error with this name, whose message is a line for
-- the user; `why` is "gone", "blocked" or "refused".
client.Unanswered = weft.error_class "Unanswered"

local function fail(why, ...)
  error(client.Unanswered(string.format(...), { why = why }))
end

local function fail_no_process(pid)
  fail("gone", "there is no process %s; pgrep weft tells those of the weft "
    .. "program", pid)
end

local function fail_not_yours(pid, uid)
  fail("refused", "process %s belongs to another user (number %d): only that "
    .. "user and root may look at it", pid, uid)
end

local function fail_closed(pid)
  if is_gone(pid) then fail_no_process(pid) end
  local now = is_weft(pid)
    and (" (and kill -USR1 %s has it write its tasks to its own stderr)")
      :format(pid) or ""
  fail("refused", "process %s cannot be looked at: it has no inspection "
    .. "socket. Start it by weft --inspect, or with WEFT_INSPECT=1 in its "
    .. "environment, or have the script call weft.inspect()%s", pid, now)
end

-- Where the socket of the process is; fails in words.
local function locate(pid)
  local uid, own = user_of(pid), user_of "self"
  if not uid then fail_no_process(pid) end
  if own ~= 0 and uid ~= own then fail_not_yours(pid, uid) end
  local path = find_socket(pid, uid)
  if not path then fail_closed(pid) end
  return path
end

-- -- Asking -------------------------------------------------------------------

local function exchange(path, question)
  local connection = weft.net.connect("unix:" .. path)
  return weft.finally(function()
    connection:write(question, "\n")
    return connection:read_all()
  end, function() connection:close() end)
end

local function fail_exchange(target, err)
  if is_gone(target) then fail_no_process(target) end
  if err.code == "ECONNREFUSED" and is_ending(target) then
    fail_no_process(target)
  end
  if err:is "TimeoutError" and state_of(target) == "T" then
    fail("blocked", "process %s is stopped, as by Ctrl-Z; kill -CONT %s lets "
      .. "it go on", target, target)
  end
  if err:is "TimeoutError" then
    fail("blocked", "process %s does not answer: its loop is blocked: one step "
      .. "of one of its tasks has been running for %d s", target, PATIENCE)
  end
  if err.code == "EACCES" or err.code == "EPERM" then
    fail("refused", "%s belongs to another user, or is open to nobody", target)
  end
  if is_path(target) then
    fail("gone", "nobody listens at %s: %s", target, err.message)
  end
  fail_closed(target)
end

-- The text of an answer; what is cut off is no answer.
local function read_answer(target, data)
  local verdict, count, text = data:match "^(%l+) (%d+)\n(.*)$"
  if not verdict or #text ~= tonumber(count) then
    if is_gone(target) then fail_no_process(target) end
    fail("gone", "process %s has turned the question away, or was ending",
      target)
  end
  if verdict ~= "ok" then
    fail("refused", "process %s says: %s", target, text)
  end
  return text
end

-- What other programs call their tasks must do nothing to a terminal.
local function harmless(text)
  return (text:gsub("[%z\1-\9\11-\31\127]", "?"))
end

--- Asks for "tree" or "stats" and returns the text. Parks. Raises
-- client.Unanswered: its message is for the user.
---@param target string a process's number, or the path of a socket
---@param question string
---@return string
function client.ask(target, question)
  local path = is_path(target) and target or locate(target)
  local data, err = weft.try(weft.timeout, PATIENCE, function()
    return exchange(path, question)
  end)
  if not data then fail_exchange(target, err) end
  return harmless(read_answer(target, data))
end

return client
