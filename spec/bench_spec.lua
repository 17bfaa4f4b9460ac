-- What bench/run makes of figures: least, median, ratios, targets, growth, the
-- page and its pictures. The programs it runs are not run here.

package.path = package.path .. ";bench/?.lua"

local bars = require "harness.bars"
local cjson = require "cjson"
local columns = require "harness.columns"
local curves = require "harness.curves"
local figures = require "harness.figures"
local growth = require "harness.growth"
local json = require "harness.json"
local page = require "harness.page"
local programs = require "harness.programs"

-- The record of a measure of which some programs have these values.
local function record(values, target)
  local names, results = {}, {}
  for _, name in ipairs(programs.order) do
    if values[name] then
      names[#names + 1] = name
      results[name] = type(values[name]) == "table" and { ns = values[name] }
        or { problem = values[name] }
    end
  end
  local made = figures.record(names, results, { key = "ns", name = "a thing",
    unit = "ns", target = target })
  made.workload = "thing"
  return made
end

local function entry_of(made, name)
  for _, entry in ipairs(made.programs) do
    if entry.program == name then return entry end
  end
end

local function point(tasks, min, instructions)
  return { workload = "growth", name = "g", unit = "ns",
    curve = { series = "switch", tasks = tasks },
    programs = { { program = "weft", min = min, median = min,
      instructions = instructions } } }
end

describe("bench/harness/figures", function()
  it("takes the least, the median and weft's ratio", function()
    local made = record { weft = { 30, 10, 20, 40 }, go = { 50, 40, 90 } }
    local weft, go = entry_of(made, "weft"), entry_of(made, "go")
    assert.equal(10, weft.min)
    assert.equal(25, weft.median)
    assert.equal(50, go.median)
    assert.equal(0.25, go.ratio)
  end)

  it("says what is missing, and gives it no figures", function()
    local go = entry_of(record { weft = { 1 }, go = "not installed" }, "go")
    assert.equal("not installed", go.missing)
    assert.is_nil(go.min)
  end)

  it("judges a target by each of its bounds", function()
    local values = { weft = { 30 }, reference = { 20 }, go = { 40 } }
    local function met(target)
      return entry_of(record(values, target), "weft").met
    end
    assert.is_true(met { at_most = 30 })
    assert.is_false(met { at_most = 29 })
    assert.is_true(met { ratio = 1.5 })
    assert.is_false(met { ratio = 1.4 })
    assert.is_true(met { below = { text = "Go", "go" } })
    assert.is_false(met { ratio = 1.4, below = { text = "Go", "go" } })
  end)

  it("judges against every peer that has a figure", function()
    local function met(values)
      return entry_of(record(values, { below = "peers" }), "weft").met
    end
    local bare = { weft = { 30 }, reference = { 20 }, stackful = { 10 } }
    assert.is_nil(met(bare))
    bare.go, bare.node = { 40 }, "not installed"
    assert.is_true(met(bare))
    bare.luv = { 29 }
    assert.is_false(met(bare))
  end)

  it("leaves open what it cannot judge, but not what is missed", function()
    local function met(target)
      local made = record({ weft = { 30 }, go = "not installed" }, target)
      return entry_of(made, "weft").met
    end
    local go = { text = "Go", "go" }
    assert.is_nil(met { below = go })
    assert.is_nil(met { at_most = 30, below = go })
    assert.is_false(met { at_most = 29, below = go })
  end)

  it("counts the targets of all programs", function()
    local met, missed = figures.targets {
      record({ weft = { 30 } }, { at_most = 30 }),
      record({ weft = { 30 } }, { at_most = 20 }),
      record { weft = { 30 } },
    }
    assert.same({ 1, 1 }, { met, missed })
  end)

  it("counts none of a quick run", function()
    local quick = record({ weft = { 30 } }, { at_most = 20 })
    figures.leave_open(quick)
    assert.same({ 0, 0 }, { figures.targets { quick } })
  end)
end)

describe("bench/harness/columns", function()
  it("takes the fastest of a peer's programs", function()
    local made = record { weft = { 1 }, go1 = { 7 }, go = { 9 } }
    assert.equal("go1", columns.best(made, columns.list[2]).program)
  end)

  it("has no program in two columns, and none that is not there", function()
    local seen = {}
    for _, column in ipairs(columns.list) do
      for _, name in ipairs(column) do
        assert.is_nil(seen[name])
        assert.is_table(programs.list[name])
        seen[name] = true
      end
    end
  end)
end)

describe("bench/harness/growth", function()
  local function curve_of(...)
    return growth.curves({ measures = { ... } })[1]
  end

  it("goes by instructions where they were counted", function()
    local curve = curve_of(point(10, 20, 400), point(1000, 70, 500))
    assert.equal(3.5, curve.by_time)
    assert.equal(1.25, curve.by_count)
    assert.is_true(curve.holds)
  end)

  it("goes by time where not all were, and judges no single point", function()
    assert.is_false(curve_of(point(10, 20), point(1000, 70)).holds)
    local partly = curve_of(point(10, 20, 400), point(1000, 70))
    assert.is_false(partly.holds)
    assert.is_nil(partly.by_count)
    assert.is_nil(curve_of(point(10, 20)).holds)
  end)

  it("judges nothing in a quick run", function()
    local curve = growth.curves { quick = true,
      measures = { point(10, 20), point(1000, 70) } }[1]
    assert.equal(3.5, curve.by_time)
    assert.is_nil(curve.holds)
  end)
end)

describe("bench/harness/json", function()
  it("writes what a decoder reads as the same", function()
    local value = { text = 'a "b" \\ \n \1 é', numbers = { 1, 2.5, -3e-9 },
      list = { { a = true }, { a = false } }, long = {} }
    for i = 1, 100 do value.long[i] = i end
    assert.same(value, cjson.decode(json.encode(value)))
  end)
end)

describe("bench/harness/page", function()
  local dir, run

  before_each(function()
    dir = assert(programs.output "mktemp -d")
    run = { date = "2030-01-02T03:04:05Z", repetitions = 5,
      counted_by = "callgrind", machine = { processor = "A<B", cores = 2 },
      programs = { go = { label = "Go", version = "1.19" },
        node = { label = "Node.js", missing = "not installed" } },
      measures = {
        record({ weft = { 30 }, go = { 60 }, erlang = "not installed" },
          { at_most = 20 }),
        point(10, 20, 400), point(1000, 70, 500),
      } }
    for _, made in ipairs(run.measures) do made.date = run.date end
  end)

  after_each(function() os.execute("rm -rf " .. dir) end)

  local function read(path)
    local file = assert(io.open(path))
    local text = file:read "*a"
    file:close()
    return text
  end

  it("writes between its marks, and keeps the rest", function()
    page.write(run, dir)
    local before, after = read(page.PATH), read(dir .. "/performance.md")
    local from = before:find("<!-- figures", 1, true)
    local rest = before:match "<!%-%- end of figures %-%->.*"
    assert.equal(before:sub(1, from), after:sub(1, from))
    assert.equal(rest, after:sub(-#rest))
    assert.truthy(after:find("| a thing | 0.50 |", 1, true))
    assert.truthy(after:find("<= 20: missed", 1, true))
    assert.truthy(after:find("Missing: Node.js: not installed.", 1, true))
    assert.truthy(after:find("| 3.50 | 1.25 | met |", 1, true))
  end)

  local function assert_says(text)
    page.write(run, dir)
    local joined = read(dir .. "/performance.md"):gsub("\n+", " ")
    assert.truthy(joined:find(text, 1, true))
  end

  local function set_origin(made, date, revision)
    made.date, made.revision = date, revision
  end

  it("says of which revisions the figures are", function()
    for _, made in ipairs(run.measures) do
      set_origin(made, "2030-01-02T03", "abc")
    end
    assert_says "From 2030-01-02 at abc, on"
    set_origin(run.measures[1], "2029-09-09T", "def")
    assert_says
      "From 2029-09-09 at def (thing); 2030-01-02 at abc (growth), on"
  end)

  it("says of which revisions the instructions are", function()
    local function count(made, by, date)
      made.counted = { by = by, date = date, revision = "abc" }
    end
    count(run.measures[2], "perf", "2029-01-02T")
    count(run.measures[3], "perf", "2029-01-02T")
    assert_says "no work. Counted by perf on 2029-01-02 at abc. !"
    run.measures[3].curve.series = "queue"
    count(run.measures[3], "perf", "2029-01-03T")
    assert_says("Counted by perf on 2029-01-02 at abc (switch);"
      .. " perf on 2029-01-03 at abc (queue). !")
    run.measures[1].programs[1].instructions = 7
    count(run.measures[1], "callgrind", "2029-01-04T")
    assert_says "Of one operation, counted by callgrind on 2029-01-04 at abc. |"
  end)

  it("changes nothing when it is written again", function()
    page.write(run, dir)
    local first = read(dir .. "/performance.md")
    local path = page.PATH
    page.PATH = dir .. "/performance.md"
    page.write(run, dir)
    page.PATH = path
    assert.equal(first, read(dir .. "/performance.md"))
  end)
end)

describe("the pictures of bench/run", function()
  -- That every element is closed, in order.
  local function check_elements(text)
    local open = {}
    for slash, name, rest in text:gmatch "<(/?)([%a]+)([^>]*)>" do
      if slash == "/" then
        assert.equal(table.remove(open), name)
      elseif rest:sub(-1) ~= "/" then
        open[#open + 1] = name
      end
    end
    assert.equal(0, #open)
  end

  it("are well formed, and say in words what they show", function()
    local made = record { weft = { 30 }, go = { 60 }, erlang = { 3000 } }
    made.name = "a < b & c"
    local picture = bars.draw { made }
    check_elements(picture)
    assert.truthy(picture:find("a &lt; b &amp; c", 1, true))
    assert.truthy(picture:find("thing: Go 2.00x, Erlang 100x.", 1, true))
    local curve = curves.draw(growth.curves {
      measures = { point(10, 20), point(1e6, 70) } })
    check_elements(curve)
    assert.truthy(curve:find("70.0 at 1,000,000", 1, true))
  end)
end)
