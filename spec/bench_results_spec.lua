-- What bench/run keeps of a run, in bench/results.json, and what it counts. The
-- programs it runs are not run here.

package.path = package.path .. ";bench/?.lua"

local counts = require "harness.counts"
local measure = require "harness.measure"
local programs = require "harness.programs"
local results = require "harness.results"

local order = { "queue", "switch" }

local function entry(name, min, instructions)
  return { program = name, min = min, instructions = instructions }
end

-- A run of two programs, with a measure of each of these workloads.
local function run_of(date, revision, workloads)
  local run = { schema = 1, date = date, revision = revision,
    counted_by = "perf", machine = {}, measures = {} }
  for workload, instructions in pairs(workloads) do
    results.add(run, { workload = workload }, { name = workload .. " item",
      programs = { entry("weft", 1, instructions or nil), entry("go", 2) } })
  end
  return run
end

local function record_of(run, workload)
  for _, record in ipairs(run.measures) do
    if record.workload == workload then return record end
  end
end

describe("bench/harness/results", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("says of each record of which run it is", function()
    local run = run_of("2030", "abc", { queue = 100, switch = false })
    local queue, switch = record_of(run, "queue"), record_of(run, "switch")
    assert.same({ "2030", "abc" }, { queue.date, queue.revision })
    assert.same({ by = "perf", date = "2030", revision = "abc" },
      queue.counted)
    assert.same({ "2030", "abc" }, { switch.date, switch.revision })
    assert.is_nil(switch.counted)
  end)

  it("reads what it has written", function()
    local run = run_of("2030", "abc", { queue = 100 })
    results.write(run, path)
    assert.same(run, results.read(path))
    os.remove(path)
    assert.is_nil(results.read(path))
  end)

  it("takes a record that names no run as one of its file's", function()
    local run = run_of("2030", "abc", { queue = 100, switch = 200 })
    local queue, switch = record_of(run, "queue"), record_of(run, "switch")
    queue.date, queue.revision, queue.counted = nil, nil, nil
    switch.date, switch.revision, switch.counted = "2029", nil, nil
    results.write(run, path)
    run = results.read(path)
    queue, switch = record_of(run, "queue"), record_of(run, "switch")
    assert.same({ "2030", "abc" }, { queue.date, queue.revision })
    assert.same({ by = "perf", date = "2030", revision = "abc" },
      queue.counted)
    assert.equal("2029", switch.date)
    assert.is_nil(switch.revision)
    assert.same({ by = "perf", date = "2029" }, switch.counted)
  end)

  it("refuses a file of another schema", function()
    results.write({ schema = 2, measures = {} }, path)
    assert.has_error(function() results.read(path) end,
      path .. " has another schema")
  end)

  it("merges workloads in order, each with the run it is of", function()
    local run = results.merge(
      run_of("2030", "abc", { queue = 100, switch = 200 }),
      run_of("2031", "def", { queue = 110 }), order)
    assert.equal(2, #run.measures)
    local queue, switch = unpack(run.measures)
    assert.same({ "queue", "2031", "def", 110, "def" }, { queue.workload,
      queue.date, queue.revision, queue.programs[1].instructions,
      queue.counted.revision })
    assert.same({ "switch", "2030", "abc", 200, "abc" }, { switch.workload,
      switch.date, switch.revision, switch.programs[1].instructions,
      switch.counted.revision })
  end)

  it("keeps instructions where they were not counted anew", function()
    local run = results.merge(run_of("2030", "abc", { queue = 100 }),
      run_of("2031", "def", { queue = false }), order)
    local queue = record_of(run, "queue")
    assert.equal("def", queue.revision)
    assert.equal(100, queue.programs[1].instructions)
    assert.same({ by = "perf", date = "2030", revision = "abc" },
      queue.counted)
  end)

  it("keeps none for a program that has no figures now", function()
    local new = run_of("2031", "def", { queue = false })
    record_of(new, "queue").programs[1].min = nil
    local run = results.merge(run_of("2030", "abc", { queue = 100 }), new,
      order)
    assert.is_nil(record_of(run, "queue").programs[1].instructions)
    assert.is_nil(record_of(run, "queue").counted)
  end)

  it("does not merge runs of two machines", function()
    local old, new = run_of("2030", "abc", {}), run_of("2031", "def", {})
    old.machine.cores = 64
    assert.has_error(function() results.merge(old, new, order) end)
  end)

  it("sets instructions that were counted apart", function()
    local run = run_of("2030", "abc", { queue = 100, switch = 200 })
    local counted = { by = "callgrind", date = "2031", revision = "def" }
    results.recount(run, "queue", "queue item", { weft = 90 }, counted)
    local queue, switch = record_of(run, "queue"), record_of(run, "switch")
    assert.equal(90, queue.programs[1].instructions)
    assert.equal("abc", queue.revision)
    assert.same(counted, queue.counted)
    assert.equal("abc", switch.counted.revision)
    results.recount(run, "lock", "a lock", { weft = 90 }, counted)
  end)

  it("has a file in the tree of which all is stamped", function()
    local run = assert(results.read(results.PATH))
    assert.is_true(#run.measures > 0)
    for _, record in ipairs(run.measures) do
      assert.is_string(record.date)
      assert.is_string(record.revision)
      for _, program in ipairs(record.programs) do
        if program.instructions then assert.is_string(record.counted.by) end
      end
    end
  end)
end)

describe("bench/harness/counts", function()
  local start, counted = programs.start, { "10", "30", operations = 20 }

  before_each(function() counts.tool = "callgrind" end)
  after_each(function() programs.start, counts.tool = start, nil end)

  -- Counts a program that has these numbers of instructions, by its argument.
  local function count(totals)
    programs.start = function(command)
      local total = totals[command:match "prog (%d+)"]
      return function() return total and "Collected : " .. total end
    end
    return counts.count(function(args) return "prog " .. args end, counted)
  end

  it("shares out what the larger run has more", function()
    assert.equal(25, count { ["10"] = 1000, ["30"] = 1500 })
  end)

  it("tells which run has failed", function()
    assert.same({ [2] = "failed: prog 30" }, { count { ["10"] = 1000 } })
    assert.same({ [2] = "failed: prog 10" }, { count { ["30"] = 1000 } })
  end)

  it("tells that the larger run has hardly more", function()
    for _, more in ipairs { 900, 1000, 1019 } do
      assert.same({ [2] = "hardly more instructions than prog 10: prog 30" },
        { count { ["10"] = 1000, ["30"] = more } })
    end
  end)
end)

describe("bench/harness/measure", function()
  local count = counts.count

  after_each(function()
    counts.count = count
    for _, name in ipairs { "weft", "stackful" } do
      programs.list[name].missing = nil
    end
  end)

  local cases = { programs = { "weft", "stackful", "go" } }
  local case = { workload = "queue", counted = { key = "all" },
    measures = { { key = "each" }, { key = "all" } } }

  it("knows which measure instructions are of", function()
    assert.equal("all", measure.counted(case).key)
    assert.equal("each", measure.counted({ counted = {},
      measures = case.measures }).key)
  end)

  it("counts the programs that are counted", function()
    counts.count = function() return 100 end
    assert.same({ weft = 100, stackful = 100 },
      measure.instructions(cases, case))
    assert.same({ weft = 100 }, measure.instructions(cases, case, { "weft" }))
  end)

  it("counts none if it cannot count all, and tells why", function()
    counts.count = function(command)
      if command("9"):find "stackful" then return nil, "failed" end
      return 100
    end
    assert.same({ [2] = "failed" }, { measure.instructions(cases, case) })
  end)

  it("tells of a program that is not there to be counted", function()
    counts.count = function() return 100 end
    programs.list.stackful.missing = "not built"
    assert.same({ [2] = "weft, stackful C is missing: not built" },
      { measure.instructions(cases, case) })
  end)

  it("runs a program as its workload has it, and keeps the sizes", function()
    local output, command = programs.output, nil
    programs.output = function(text)
      command = text
      return "each 7"
    end
    local made = { programs = { "go" }, dir = "/tmp/files",
      run = "served %command %args" }
    local sized = { workload = "file", args = "large %dir/large" }
    local _, outcome = measure.case(made, sized, { repetitions = 2 })
    programs.output = output
    assert.same({ 7, 7 }, outcome.go.each)
    assert.truthy(command:find("served " .. programs.built "file_go"
      .. " large /tmp/files/large", 1, true))
    assert.equal("large %dir/large", sized.args)
  end)

  it("counts each case of the tree by more work in its second run", function()
    local paths = programs.output "ls bench/*/cases.lua"
    for path in paths:gmatch "[^\n]+" do
      for _, each in ipairs(dofile(path)) do
        local counted = each.counted
        assert.is_true(not counted or counted[1] ~= counted[2]
          and counted.operations >= 1000, path)
      end
    end
  end)
end)
