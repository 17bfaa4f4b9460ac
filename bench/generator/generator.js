// generator.js - items of an async generator that a for await consumes:
//   generator.js plain ITEMS
//   generator.js yield ITEMS    with an await before each
// Prints the nanoseconds of one item.
"use strict";

const { check, each, run, size, word } = require("../peers/bench.js");

const generators = {
  async *plain(count) {
    for (let i = 1; i <= count; i++) {
      yield i;
    }
  },
  async *yield(count) {
    for (let i = 1; i <= count; i++) {
      await null;
      yield i;
    }
  },
};

async function consume(count) {
  let sum = 0;
  for await (const item of generators[word(1)](count)) {
    sum += item;
  }
  check(sum === (count * (count + 1)) / 2, "wrong items");
}

run(async () => {
  const items = size(2);
  await consume(Math.floor(items / 10));
  await each("item", items, () => consume(items));
});
