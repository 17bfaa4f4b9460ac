// file.js - files read by Node.js:
//   file.js large PATH         from beginning to end, by a stream
//   file.js small DIR FILES    all at once, DIR/1 and so on
// Prints the milliseconds, or the microseconds of one small file.
"use strict";

const { createReadStream } = require("node:fs");
const { readFile } = require("node:fs/promises");
const { all, both, check, run, size, word } = require("../peers/bench.js");

const LARGE = 2 ** 30;
const SMALL = 4096;
const PIECE = 128 * 1024;

const works = {
  async large(path) {
    let [total, last] = [0, null];
    const options = { highWaterMark: PIECE };
    for await (const piece of createReadStream(path, options)) {
      total += piece.length;
      last = piece;
    }
    check(total === LARGE && last.toString("latin1").endsWith("the end."),
      "wrong bytes");
  },
  async small(dir, count) {
    const contents = await all(count, (i) => readFile(`${dir}/${i}`));
    contents.forEach((content, i) => {
      check(content.length === SMALL && Number(content.toString()) === i + 1,
        "wrong bytes");
    });
  },
};

run(async () => {
  const [name, path] = [word(1), word(2)];
  const count = name === "small" ? size(3) : 0;
  await works[name](path, count);
  await both(name, count ? count * 1e3 : 1e6, () => works[name](path, count));
});
