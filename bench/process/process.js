// process.js - processes run to their end by Node.js, some at once:
//   process.js null|pipes PROCESSES AT_ONCE
// Prints the microseconds of one, and of CPU time, its own included.
"use strict";

const { spawn } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { all, check, nanoseconds, print, run, size, word } =
  require("../peers/bench.js");

// CPU nanoseconds with those of processes that have ended, in ticks of 10 ms.
function cpuOfAll() {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]
    .split(" ").slice(11, 15);
  return fields.reduce((sum, ticks) => sum + Number(ticks), 0) * 1e7;
}

function runTrue(output) {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/true", [], { stdio: ["ignore", output, output] });
    let said = 0;
    if (output === "pipe") {
      child.stdout.on("data", (bytes) => (said += bytes.length));
      child.stderr.on("data", (bytes) => (said += bytes.length));
    }
    child.on("error", reject);
    child.on("close", (status) => resolve(status === 0 && said === 0));
  });
}

async function round(times, atOnce, output) {
  let left = times;
  await all(atOnce, async () => {
    while (left > 0) {
      left--;
      check(await runTrue(output), "wrong result");
    }
  });
}

run(async () => {
  const output = word(1) === "null" ? "ignore" : "pipe";
  const [count, atOnce] = [size(2), size(3)];
  await round(Math.ceil(count / 10), atOnce, output);
  const [began, cpuBegan] = [nanoseconds(), cpuOfAll()];
  await round(count, atOnce, output);
  print("process", (nanoseconds() - began) / 1e3 / count);
  print("cpu", (cpuOfAll() - cpuBegan) / 1e3 / count);
});
