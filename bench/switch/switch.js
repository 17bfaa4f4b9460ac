// switch.js - async functions that take turns: switch.js TASKS SWITCHES
// Prints the nanoseconds of one await of what is there: the microtask queue,
// which goes round before the loop looks at anything else.
"use strict";

const { all, check, each, run, size } = require("../peers/bench.js");

let done = 0;

async function body(rounds) {
  for (let i = 0; i < rounds; i++) {
    await null;
  }
  done += rounds;
}

run(async () => {
  const [tasks, switches] = [size(1), size(2)];
  const rounds = Math.floor(switches / tasks);
  await all(tasks, () => body(Math.floor(rounds / 10)));
  done = 0;
  await each("switch", rounds * tasks, () => all(tasks, () => body(rounds)));
  check(done === rounds * tasks, "wrong number of switches");
});
