// memory.js - what an async function that waits takes: memory.js TASKS
// Prints the resident bytes of one (bytes), and the nanoseconds to call,
// reject and await one (each): nothing cancels a promise, so what they wait
// for is told to fail.
"use strict";

const { check, nanoseconds, print, run, size } = require("../peers/bench.js");

const rejects = [];

async function body() {
  await new Promise((_, reject) => rejects.push(reject));
}

run(async () => {
  const count = size(1);
  const before = process.memoryUsage.rss();
  const began = nanoseconds();
  const tasks = [];
  for (let i = 0; i < count; i++) {
    tasks.push(body());
  }
  const parked = process.memoryUsage.rss();
  const reason = new Error("cancelled");
  for (const reject of rejects) {
    reject(reason);
  }
  const ended = await Promise.allSettled(tasks);
  const took = nanoseconds() - began;
  check(ended.every((end) => end.reason === reason), "wrong end");
  print("bytes", (parked - before) / count);
  print("each", took / count);
});
