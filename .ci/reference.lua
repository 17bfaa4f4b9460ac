--- reference.lua HEADER - a page of the reference, in Markdown, from a public
-- header: a chapter for each "-- Section ---", with its essay, and for each
-- function its declaration and what its comment says.

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- A comment without its stars.
local function plain(comment)
  local text = comment:gsub("^/%*%s?", ""):gsub("%s*%*/$", "")
  return (text:gsub("\n %* ?", "\n"))
end

-- What is written in words, with the facts in bold, a line each.
local function prose(text)
  text = text:gsub("%[([%w_*]+)%]", "`%1`")
  for _, word in ipairs { "parks", "errors", "value", "cancelled" } do
    text = text:gsub("%s*%f[%w]" .. word .. ":%s*", "  \n**" .. word .. ":** ")
  end
  return text
end

local function heading(declaration)
  local code = declaration:gsub("/%*.-%*/", "")
  return code:match "^enum ([%w_]+)" or code:match "%(%*([%w_]+)%)%s*%("
    or code:match "([%w_]+)%s*%(" or code:match "([%w_]+);%s*$"
end

-- The header as a list of comments and declarations, in their order.
local function pieces(text)
  local list, at = {}, 1
  while at <= #text do
    local blank = text:match("^%s+()", at) or at
    local directive = text:match("^#.-[^\\]\n()", blank)
    local comment, after = text:match("^(/%*.-%*/)()", blank)
    if directive then
      at = directive
    elseif comment then
      list[#list + 1] = { comment = plain(comment) }
      at = after
    else
      local from, to = text:find("[^{};]*%b{}[^;]*;", blank)
      if from ~= blank then
        from, to = text:find("[^;]*;", blank)
      end
      if not from then
        break
      end
      list[#list + 1] = { declaration = text:sub(from, to) }
      at = to + 1
    end
  end
  return list
end

local path = arg[1]
local text = read(path):gsub("#ifdef __cplusplus\n.-#endif\n", "")
local head, comment = true, nil
for _, piece in ipairs(pieces(text)) do
  local section, essay = (piece.comment or ""):match "^%-%- (.-) %-%-+%s*(.*)$"
  if section then
    print("\n## " .. section .. "\n\n" .. prose(essay))
    comment = nil
  elseif piece.comment then
    if head then
      local first, rest = piece.comment:match "^SPDX[^\n]*\n([^\n]*)(.*)$"
      print("# " .. path:match "[^/]+$" .. "\n\n" .. first .. rest)
      head = false
    else
      comment = piece.comment
    end
  else
    local code = piece.declaration:gsub("^WEFT_API ", "")
    print(("\n### %s\n\n```c\n%s\n```"):format(heading(code), code))
    if comment then
      print("\n" .. prose(comment))
    end
    comment = nil
  end
end
