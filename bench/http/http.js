// http.js - a file fetched again and again by Node.js's client:
//   http.js FETCHES AT_ONCE
// from BENCH_URL, by so many async functions, on connections that an agent
// keeps. Prints the microseconds of one, and of CPU time.
"use strict";

const http = require("node:http");
const { all, both, check, run, size } = require("../peers/bench.js");

const URL = process.env.BENCH_URL;
const BYTES = 1024;

function fetch(agent) {
  return new Promise((resolve, reject) => {
    http.get(URL, { agent }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () => {
        resolve(answer.statusCode === 200
          && Buffer.concat(pieces).length === BYTES);
      });
    }).on("error", reject);
  });
}

async function round(agent, fetches, atOnce) {
  await all(atOnce, async () => {
    for (let i = 0; i < fetches / atOnce; i++) {
      check(await fetch(agent), "wrong answer");
    }
  });
}

run(async () => {
  const [fetches, atOnce] = [size(1), size(2)];
  const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
  await round(agent, fetches / 10, atOnce);
  await both("fetch", fetches * 1e3, () => round(agent, fetches, atOnce));
  agent.destroy();
});
