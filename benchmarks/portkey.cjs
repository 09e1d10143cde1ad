// What Portkey needs to be measured here: `node --require` this.
"use strict";

// It listens on every address and has no option against it: what is benchmarked stays on this machine.
const { Server } = require("node:net");
const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  const callbacks = rest.filter((one) => typeof one === "function");
  return typeof port === "number" ? listen.call(this, port, "127.0.0.1", ...callbacks) : listen.call(this, port, ...rest);
};

// It adds headers to the upstream's own answer, which Node 20 allows for no stream: every one of them would be a 500.
const ask = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const { body, status, headers } = await ask(...asked);
  return new Response(body, { status, headers: new Headers(headers) });
};
