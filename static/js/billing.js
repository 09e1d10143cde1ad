/* The row whose receipt is open is marked; the receipt takes the keyboard, and gives it back to where it was asked for. */
"use strict";

let opener = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id === "drawer" && event.detail.elt.closest("main")) opener = event.detail.elt;
});

function mark() {
  const open = document.querySelector("#drawer [data-receipt]")?.dataset.receipt;
  document.querySelectorAll("main tr:has(a.row-link)").forEach((row) => row.classList.toggle("is-selected", row.querySelector("a.row-link").getAttribute("href") === open));
}
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "drawer") return;
  mark();
  document.getElementById("receipt-title")?.focus();
});
new MutationObserver(() => {
  mark();
  if (!document.querySelector("#drawer > *")) opener?.focus();
}).observe(document.getElementById("drawer"), { childList: true });
