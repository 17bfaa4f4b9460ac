// sleepers.js - async functions that sleep 0 to 1000 ms: sleepers.js TASKS
// Prints the CPU seconds and the peak megabytes of the process.
"use strict";

const { setTimeout: sleep } = require("node:timers/promises");
const { all, check, cpu, print, run, size } = require("../peers/bench.js");

run(async () => {
  const tasks = size(1);
  let woken = 0;
  await all(tasks, async (task) => {
    await sleep(task % 1001);
    woken++;
  });
  check(woken === tasks, "a sleeper has not woken");
  print("cpu", cpu() / 1e9);
  print("peak", (process.resourceUsage().maxRSS * 1024) / 1e6);
});
