// spawn.js - async functions called and awaited in batches:
//   spawn.js BATCH BATCHES
// Prints the nanoseconds of one call and its part of Promise.all.
"use strict";

const { all, check, each, run, size } = require("../peers/bench.js");

let count = 0;

async function body() {
  count++;
}

async function batches(batch, times) {
  for (let i = 0; i < times; i++) {
    await all(batch, body);
  }
}

run(async () => {
  const [batch, times] = [size(1), size(2)];
  await batches(batch, Math.floor(times / 10) + 1);
  count = 0;
  await each("spawn", batch * times, () => batches(batch, times));
  check(count === batch * times, "wrong number of runs");
});
