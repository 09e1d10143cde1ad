/* The latest calls, asked for again every ten seconds, but only while somebody looks. */
"use strict";

const EVERY_MS = 10_000;
const live = document.querySelector("[data-live]");
const refresh = () => {
  const recent = document.getElementById("recent");
  // Not under somebody's keyboard, and not while a receipt is open.
  if (!document.hidden && recent && !recent.contains(document.activeElement) && !document.querySelector("#drawer > *")) htmx.trigger(recent, "refresh");
};
if (live) live.hidden = false;
setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", refresh);
