// gather.js - async functions run at once by Promise.all:
//   gather.js FUNCTIONS TIMES
// Each awaits once. Prints the nanoseconds of one function.
"use strict";

const { all, check, each, run, size } = require("../peers/bench.js");

async function work(result) {
  await null;
  return result;
}

async function round(count, times) {
  let sum = 0;
  for (let i = 0; i < times; i++) {
    for (const result of await all(count, work)) {
      sum += result;
    }
  }
  check(sum === (times * count * (count + 1)) / 2, "wrong results");
}

run(async () => {
  const [count, times] = [size(1), size(2)];
  await round(count, Math.floor(times / 10));
  await each("gather", count * times, () => round(count, times));
});
