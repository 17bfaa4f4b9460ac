--- What was typed at the prompt, as a function.
-- @module weft.prompt.chunk

local chunk = {}

-- LuaJIT says so of what ends too early. A string in quotes cannot go on.
local function is_incomplete(err)
  return err:find "near '<eof>'$" ~= nil and not err:find "unfinished string"
end

local function pass(...) return ... end

-- Not compiled: so the prompt can interrupt it.
local function load(text, name)
  local fn, err = loadstring(text, name)
  if fn then jit.off(fn) end
  return fn, err
end

-- The function of an expression. A call in a return would be a tail call, which
-- no traceback knows of; here it is an argument.
local function load_expression(text, name)
  local checked, err = load("return " .. text, name)
  if not checked then return nil, err end
  local fn = load("return (...)(" .. text .. "\n)", name)
  return fn and function() return fn(pass) end or checked
end

--- Makes a function of `text`, an expression or statements; a leading "=" is
-- left out, as in Lua's own prompt. Returns the function; or nil and the error;
-- or nil, the error and true, if more lines may complete it.
---@param text string
---@param name string what its lines are called in tracebacks
---@return function?, string?, boolean?
function chunk.compile(text, name)
  local forced = text:match "^%s*=(.*)$"
  local fn, err = load_expression(forced or text, "=" .. name)
  if fn then return fn end
  local may_go_on = is_incomplete(err)
  if forced then return nil, err, may_go_on end
  -- The error of a statement is the one to tell; but an expression may lack its
  -- end where a statement makes no sense.
  fn, err = load(text, "=" .. name)
  if fn then return fn end
  return nil, err, may_go_on or is_incomplete(err)
end

return chunk
