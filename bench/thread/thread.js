// thread.js - calls in worker threads of Node.js, which has no pool of them:
//   thread.js executor CALLS AT_ONCE    by messages to two workers
//   thread.js busy
// Prints the microseconds of one call; of busy how much longer two that compute
// take than one.
"use strict";

const { Worker, isMainThread, parentPort } = require("node:worker_threads");
const { all, both, check, nanoseconds, print, run, size, word } =
  require("../peers/bench.js");

const STEPS = 50_000_000;

function compute(steps) {
  let state = 1;
  for (let i = 0; i < steps; i++) {
    state = (state * 16807) % 2147483647;
  }
  return state;
}

// -- In a worker -------------------------------------------------------------

function serve() {
  const works = { add: (number) => number + 1, compute };
  parentPort.on("message", ({ id, work, argument }) => {
    parentPort.postMessage({ id, result: works[work](argument) });
  });
}

// -- In the main thread ------------------------------------------------------

const waiting = new Map();
let workers = [];
let calls = 0;

function call(work, argument) {
  const id = calls++;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    workers[id % workers.length].postMessage({ id, work, argument });
  });
}

function start() {
  const worker = new Worker(__filename);
  worker.on("message", ({ id, result }) => {
    waiting.get(id)(result);
    waiting.delete(id);
  });
  return worker;
}

async function round(count, atOnce) {
  const each = Math.floor(count / atOnce);
  const sums = await all(atOnce, async () => {
    let sum = 0;
    for (let number = 1; number <= each; number++) {
      sum += await call("add", number);
    }
    return sum;
  });
  check(sums.every((sum) => sum === (each * (each + 3)) / 2), "wrong results");
}

async function computeIn(threads) {
  const began = nanoseconds();
  const results = await all(threads, () => call("compute", STEPS));
  check(new Set(results).size === 1, "wrong results");
  return nanoseconds() - began;
}

async function main() {
  workers = [start(), start()];
  if (word(1) === "busy") {
    await computeIn(2);
    const one = await computeIn(1);
    print("ratio", (await computeIn(2)) / one);
  } else {
    const [count, atOnce] = [size(2), size(3)];
    await round(Math.floor(count / 10), atOnce);
    await both("call", count * 1e3, () => round(count, atOnce));
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
}

if (isMainThread) {
  run(main);
} else {
  serve();
}
