--- The columns of the table of ratios: programs that stand for one peer.
-- Of several that took part in a measure, the fastest counts.

local columns = {}

columns.list = {
  { label = "bare", "reference", "nothing", "luajit", "cat", "read",
    "posix_spawn", "pthread", "libuv", "epoll", "libcurl" },
  { label = "Go", "go1", "go" },
  { label = "tokio", "tokio1", "tokio", "hyper" },
  { label = "Erlang", "erlang", "httpc" },
  { label = "Node.js", "node" },
  { label = "asyncio", "asyncio", "protocol", "aiohttp" },
  { label = "uvloop", "uvloop", "aiohttp_uvloop" },
  { label = "Trio", "trio", "httpx" },
  { label = "luv", "luv" },
  { label = "cqueues", "cqueues", "lua_http" },
  { label = "copas", "copas" },
  { label = "OpenResty", "openresty" },
}

--- The entry of a program in a measure, if it has a figure.
function columns.entry(record, name)
  for _, entry in ipairs(record.programs) do
    if entry.program == name and entry.min then return entry end
  end
end

--- The fastest of the programs of a column; nil where none took part.
function columns.best(record, column)
  local best
  for _, name in ipairs(column) do
    local entry = columns.entry(record, name)
    if entry and (not best or entry.min < best.min) then best = entry end
  end
  return best
end

return columns
