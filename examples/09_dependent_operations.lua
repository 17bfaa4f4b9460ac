--- Operations that need each other: each awaits those it depends on.
--
--   weft examples/09_dependent_operations.lua
--
-- It prints each step as it begins, and at the end what was made:
--   fetch
--   parse (after fetch)
--   compile (after fetch)
--   docs (after parse)
--   link (after compile)
--   package (after link, docs)
--   made: package(link(compile(fetch)), docs(parse(fetch)))

local weft = require "weft"

local STEPS = {
  { "package", needs = { "link", "docs" } },
  { "link", needs = { "compile" } },
  { "docs", needs = { "parse" } },
  { "parse", needs = { "fetch" } },
  { "compile", needs = { "fetch" }, seconds = 0.03 },
  { "fetch", needs = {} },
}

local function run(step, tasks)
  local name, parts = step[1], {}
  for i, needed in ipairs(step.needs) do parts[i] = tasks[needed]:await() end
  local after = table.concat(step.needs, ", ")
  print(after == "" and name or ("%s (after %s)"):format(name, after))
  weft.sleep(step.seconds or 0.01)
  return #parts == 0 and name
    or ("%s(%s)"):format(name, table.concat(parts, ", "))
end

-- All steps are begun at once, in any order; the results they await order them.
-- If one fails, so do those that need it, and the group stops all others.
print("made: " .. weft.group(function(group)
  local tasks = {}
  for _, step in ipairs(STEPS) do
    tasks[step[1]] = group:spawn(step[1], run, step, tasks)
  end
  return tasks.package:await()
end))
