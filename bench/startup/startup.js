// startup.js - a program that waits once, and does nothing.
"use strict";

(async () => {
  await null;
})();
