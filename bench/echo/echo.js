// An echo server: node echo.js
// Prints its port.
"use strict";

const net = require("node:net");

const server = net.createServer({ noDelay: true }, (connection) => {
  connection.on("data", (bytes) => connection.write(bytes));
  connection.on("error", () => connection.destroy());
});

server.listen({ host: "127.0.0.1", port: 0, backlog: 1000 }, () => {
  console.log(server.address().port);
});
