--- The command line of fetch_all, and where the URLs come from.
-- @module support.options

local argparse = require "argparse"

local options = {}

local DEFAULTS = {
  concurrency = 20, timeout = 10, retries = 3, backoff = 0.5,
}

-- What --demo gives these, for its pages fail on purpose and it is short.
local DEMO = { concurrency = 32, timeout = 1, retries = 2, backoff = 0.1 }

local EPILOG = [[
Output: a line of JSON for each URL, as each is done, with
  url, status (null without an answer), ok, bytes (of the body), elapsed
  (seconds in all its requests), attempts, and error, which is null or has
  kind and message. The kinds: timeout, refused, reset, unreachable, early_end,
  name_server, unknown_host, bad_url, protocol, status, cancelled, other.

Tried again, after a random time that may be twice as long each time: timeouts,
refused, reset and unreachable connections, bodies that end early, a name
server that does not answer, and the statuses 408, 429 and 5xx but 501 and 505.
A server that says Retry-After is given that time, up to a minute; if it asks
for more, the URL has failed. Not tried again: other statuses, what is no URL,
a host that does not exist, certificates and answers that are wrong.

Exit status: 0 if all went well, 1 if a URL failed or was cut off, 2 if the
command line is wrong, 130 after Ctrl-C. After Ctrl-C and --total-timeout the
report is complete: what was cut off is in it as cancelled.

Examples:
  weft examples/fetch_all.lua https://example.org/ https://example.net/
  weft examples/fetch_all.lua --file urls.txt --rate 10 --output done.jsonl
  grep -o 'https://[^"]*' page.html | weft examples/fetch_all.lua -
  weft examples/fetch_all.lua --demo]]

-- -- Numbers -----------------------------------------------------------------

local function above_zero(text)
  local n = tonumber(text)
  if n and n > 0 and n < math.huge then return n end
  return nil, "must be a number above 0, got " .. text
end

local function whole(least)
  return function(text)
    local n = tonumber(text)
    if n and n >= least and n < 2 ^ 31 and n % 1 == 0 then return n end
    return nil, ("must be a whole number of at least %d, got %s"):format(least,
      text)
  end
end

-- -- The command line --------------------------------------------------------

local function add_limits(parser)
  local function option(names, argname, convert, text)
    local long = names:match "%-%-%S+"
    parser:option(names, text):argname(argname):convert(function(given)
      local n, problem = convert(given)
      return n, problem and long .. " " .. problem
    end)
  end
  option("-c --concurrency", "<n>", whole(1),
    "How many requests at a time (default 20).")
  option("-r --rate", "<n>", above_zero,
    "How many requests are begun in a second (default: any number).")
  option("-t --timeout", "<s>", above_zero,
    "Seconds for each request, with redirects and body (default 10).")
  option("-T --total-timeout", "<s>", above_zero,
    "Seconds for everything (default: any time).")
  option("-n --retries", "<n>", whole(0),
    "How many more attempts a URL gets (default 3).")
  option("-b --backoff", "<s>", above_zero,
    "Seconds to wait before the first retry, at most; twice that before the "
    .. "next, and so on (default 0.5).")
end

local function new_parser()
  local parser = argparse "fetch_all"
    :usage "Usage: fetch_all.lua [options] [url ...] [-]"
    :description "Fetches many URLs at once and reports on each."
    :epilog(EPILOG)
    :add_help(false)
    :help_max_width(80)
    :help_description_margin(32)
  parser:argument("urls", "What to fetch; - reads URLs from standard input.")
    :args "*"
  parser:option("-f --file", "Read URLs from this file, one a line; empty "
    .. "lines and lines that begin with # are left out.")
    :argname "<file>":count "*"
  parser:option("-o --output", "Write the JSON lines here, not to standard "
    .. "output."):argname "<file>"
  add_limits(parser)
  parser:flag("-q --quiet", "No progress line and no closing table.")
  parser:flag("--demo", "Fetch 200 pages of a server of its own, of which some "
    .. "are slow, broken or gone, and check what comes of it.")
  parser:flag("-h --help", "Print this help and exit.")
  return parser
end

local function check_demo(opts)
  if #opts.urls > 0 or #opts.file > 0 then
    return "--demo has its own URLs: give it none"
  end
  for _, name in ipairs { "timeout", "retries", "backoff" } do
    if opts[name] then return "--demo sets --" .. name .. " itself" end
  end
end

--- Reads the command line. Returns the options; after --help, nil and the
-- text; or nil, nil and what is wrong.
---@param args string[]
function options.parse(args)
  local parser = new_parser()
  local ok, opts = parser:pparse(args)
  if not ok then return nil, nil, (opts:gsub("%?*\n", "; ")) end
  if opts.help then return nil, parser:get_help() end
  local problem = opts.demo and check_demo(opts)
  if problem then return nil, nil, problem end
  for name, value in pairs(opts.demo and DEMO or DEFAULTS) do
    opts[name] = opts[name] or value
  end
  return opts
end

-- -- URLs --------------------------------------------------------------------

-- Adds the URLs of an open file; what is wrong with it otherwise. A folder can
-- be opened, but not read.
local function add_lines(urls, file)
  local text, err = file:read "*a"
  if not text then return err end
  for line in text:gmatch "[^\r\n]+" do
    local url = line:match "^%s*(.-)%s*$"
    if url ~= "" and url:sub(1, 1) ~= "#" then urls[#urls + 1] = url end
  end
end

local function add_file(urls, path)
  local file, err = io.open(path)
  if not file then return "cannot read " .. err end
  err = add_lines(urls, file)
  file:close()
  return err and ("cannot read %s: %s"):format(path, err)
end

--- The URLs the options name, in order; or nil and what is wrong.
---@param opts table
---@return string[]? urls
---@return string? problem
function options.read_urls(opts)
  local urls = {}
  for _, url in ipairs(opts.urls) do
    if url ~= "-" then
      urls[#urls + 1] = url
    else
      local err = add_lines(urls, io.stdin)
      if err then return nil, "cannot read standard input: " .. err end
    end
  end
  for _, path in ipairs(opts.file) do
    local problem = add_file(urls, path)
    if problem then return nil, problem end
  end
  if #urls > 0 then return urls end
  return nil, "there is no URL to fetch: give URLs, --file FILE, or - to read "
    .. "them from standard input"
end

return options
