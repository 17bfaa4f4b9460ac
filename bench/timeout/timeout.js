// timeout.js - timers of Node.js that are cleared, or fire:
//   timeout.js scope TASKS TIMES    started and cleared
//   timeout.js yield TASKS TIMES    with an await in between
//   timeout.js fires TASKS TIMES    of 1 ms, that aborts a wait, in CPU time
// Nothing is unwound when one fires but the function that awaits. Prints the
// nanoseconds of one.
"use strict";

const { all, check, cpu, nanoseconds, print, run, size, word } =
  require("../peers/bench.js");

let good = 0;

function fail() {
  throw new Error("timed out");
}

const bodies = {
  async scope() {
    clearTimeout(setTimeout(fail, 60000));
    good++;
  },
  async yield() {
    const timer = setTimeout(fail, 60000);
    await null;
    clearTimeout(timer);
    good++;
  },
  async fires() {
    const late = new Promise((_, reject) => {
      setTimeout(() => reject(new Error("timed out")), 1);
    });
    const never = new Promise(() => {});
    await Promise.race([never, late]).catch(() => good++);
  },
};

async function turns(body, tasks, times) {
  await all(tasks, async () => {
    for (let i = 0; i < times; i++) {
      await body();
    }
  });
}

run(async () => {
  const [work, tasks, times] = [word(1), size(2), size(3)];
  const clock = work === "fires" ? cpu : nanoseconds;
  await turns(bodies[work], tasks, Math.floor(times / 10) + 1);
  good = 0;
  const began = clock();
  await turns(bodies[work], tasks, times);
  print("timeout", (clock() - began) / (tasks * times));
  check(good === tasks * times, "wrong number of timeouts");
});
