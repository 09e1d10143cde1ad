/* The row whose receipt is open is marked, and the receipt takes the keyboard. */
"use strict";

function mark() {
  const open = document.querySelector("#drawer [data-receipt]")?.dataset.receipt;
  document.querySelectorAll("main tr:has(a.row-link)").forEach((row) => row.classList.toggle("is-selected", row.querySelector("a.row-link").getAttribute("href") === open));
}
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "drawer") return;
  mark();
  document.getElementById("receipt-title")?.focus();
});
new MutationObserver(mark).observe(document.getElementById("drawer"), { childList: true });
