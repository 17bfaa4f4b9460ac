--- What the tasks of another process are doing.
--
-- `weft --tree` prints it.
-- @module weft.cli.tree

local client = require "weft.cli.client"
local outcome = require "weft.cli.outcome"
local weft = require "weft"

local tree = {}

--- Prints the tree of the process and returns the exit status.
---@param target string
---@return number
function tree.main(target)
  local ok, result = pcall(weft.run, client.ask, target, "tree")
  if ok then
    print(result == "" and "(no tasks)" or result)
    return outcome.flush(outcome.OK)
  end
  if not (type(result) == "table" and result.is
    and result:is(client.Unanswered)) then
    return outcome.explain(result)
  end
  outcome.complain("%s", result.message)
  return outcome.FAILED
end

return tree
