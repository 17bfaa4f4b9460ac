// bench.js - what the programs on Node.js share.
"use strict";

// Ends the program with a failure where something is wrong.
function check(good, what) {
  if (!good) {
    throw new Error(what);
  }
}

// An argument that is a number from 1.
function size(index) {
  const number = Number(process.argv[index + 1]);
  check(Number.isInteger(number) && number > 0, "sizes are numbers from 1");
  return number;
}

// An argument that is a word.
function word(index) {
  return process.argv[index + 1];
}

function nanoseconds() {
  return Number(process.hrtime.bigint());
}

// CPU nanoseconds, the kernel's part included.
function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e3;
}

function print(measure, value) {
  console.log(`${measure} ${value.toFixed(4)}`);
}

// Prints the nanoseconds of one of `count` operations that work does.
async function each(measure, count, work) {
  const began = nanoseconds();
  await work();
  print(measure, (nanoseconds() - began) / count);
}

// Prints the elapsed and the CPU nanoseconds of work, divided by `unit`.
async function both(measure, unit, work) {
  const [began, cpuBegan] = [nanoseconds(), cpu()];
  await work();
  print(measure, (nanoseconds() - began) / unit);
  print("cpu", (cpu() - cpuBegan) / unit);
}

// Runs the program; what it fails with is its end.
function run(main) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

// Calls work(1) to work(count) at once; resolves to the list of results.
function all(count, work) {
  return Promise.all(Array.from({ length: count }, (_, i) => work(i + 1)));
}

module.exports = { all, both, check, cpu, each, nanoseconds, print, run, size,
  word };
