/* The console's own behaviour. Every page works for reading and plain forms without it. */
"use strict";

const words = () => document.body.dataset;

// --- copying ---------------------------------------------------------------------------------------
async function copy(button, text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text); else copyPlain(text);
  const shown = button.innerHTML, width = button.offsetWidth;
  button.style.minWidth = `${width}px`;
  button.textContent = words().copied;
  setTimeout(() => { button.innerHTML = shown; button.style.minWidth = ""; }, 2000);
}
function copyPlain(text) {  // browsers offer their clipboard to https and localhost only
  const box = document.createElement("textarea");
  box.value = text;
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}

// --- toasts ----------------------------------------------------------------------------------------
const TOASTS_MAX = 4;  // the models of a price list come up one after another, and must not hide their table
function toast(text, { bad = false, retry = null } = {}) {
  const toasts = document.getElementById("toasts");
  [...toasts.children].forEach((one) => { if (one.querySelector(".words")?.textContent === text) one.remove(); });
  const box = document.createElement("div");
  box.className = "toast";
  const mark = document.createElement("span");
  mark.className = `status ${bad ? "bad" : "ok"}`;
  const said = document.createElement("span");
  said.className = "words";
  said.textContent = text;
  box.append(mark, said);
  if (retry) {
    const again = document.createElement("button");
    again.className = "link";
    again.textContent = words().retry;
    again.onclick = () => { box.remove(); retry(); };
    box.append(again);
  }
  const close = document.createElement("button");
  close.className = "bare";
  close.setAttribute("aria-label", words().close);
  close.textContent = "×";
  close.onclick = () => box.remove();
  box.append(close);
  toasts.append(box);
  while (toasts.children.length > TOASTS_MAX) toasts.firstElementChild.remove();
  if (!bad) leaveLater(box);
}
function leaveLater(box) {
  let timer = setTimeout(() => box.remove(), 5000);
  box.onmouseenter = () => clearTimeout(timer);
  box.onmouseleave = () => { timer = setTimeout(() => box.remove(), 2000); };
}
document.querySelectorAll("[data-toast]").forEach((box) => { if (!box.classList.contains("error")) leaveLater(box); });
document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, { bad: event.detail.bad }));

// --- clicks ----------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  let found;
  if ((found = at("[data-copy]"))) copy(found, found.dataset.copy);
  else if ((found = at("[data-copy-shown]"))) copy(found, found.closest(".code").querySelector("pre:not([hidden])").textContent);
  else if ((found = at("[data-tab]"))) showTab(found);
  else if ((found = at("[data-close-toast]"))) found.closest(".toast").remove();
  else if ((found = at("[data-palette]"))) openPalette();
  else if ((found = at("[data-dialog]"))) { event.preventDefault(); document.getElementById(found.dataset.dialog).showModal(); }
  else if ((found = at("[data-close-dialog]"))) { event.preventDefault(); found.closest("dialog").close(); }
  else if ((found = at("[data-close-drawer]"))) { event.preventDefault(); closeDrawer(); }
  else if ((found = at("[data-nav-toggle]"))) { event.preventDefault(); showNav(found.matches("[aria-controls]")); }
  else if (event.target.nodeName === "DIALOG" && event.target.open) event.target.close();
  document.querySelectorAll("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
function showTab(tab) {
  const box = tab.closest("[data-tabs]");
  box.querySelectorAll("[data-tab]").forEach((one) => one.setAttribute("aria-selected", one === tab));
  box.querySelectorAll("[data-pane]").forEach((pane) => { pane.hidden = pane.dataset.pane !== tab.dataset.tab; });
}
function closeDrawer() {
  const drawer = document.getElementById("drawer");
  const from = drawer.querySelector("[data-back]")?.dataset.back;
  drawer.replaceChildren();
  if (from) history.replaceState(history.state, "", from);
}

// --- navigation on small screens: a sheet over the page ----------------------------------------------
const isNavOpen = () => document.getElementById("nav")?.classList.contains("is-open");
function showNav(open) {
  const nav = document.getElementById("nav"), opener = document.querySelector(".nav-toggle");
  nav.classList.toggle("is-open", open);
  nav.classList.toggle("is-closed", !open);
  document.getElementById("page").inert = open;
  opener.setAttribute("aria-expanded", open);
  (open ? nav.querySelector('[aria-current="page"]') ?? nav.querySelector(".nav-item") : opener).focus();
}
matchMedia("(max-width: 720px)").addEventListener("change", () => { if (isNavOpen()) showNav(false); });

// --- keys ------------------------------------------------------------------------------------------
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select, [contenteditable]");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); }
  else if (event.key === "/" && !typing) { const box = document.querySelector("[data-slash]"); if (box) { event.preventDefault(); box.focus(); } }
  else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    const stop = document.querySelector("[data-stop]:not([hidden])");
    const menus = document.querySelectorAll("details[data-menu][open]");
    if (menus.length) menus.forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
    else if (isNavOpen()) showNav(false);
    else if (stop) stop.click();
    else if (document.getElementById("drawer")?.childElementCount) closeDrawer();
  }
});
document.addEventListener("focusout", (event) => {
  const menu = event.target.closest("details[data-menu][open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], tab = event.target.closest?.("[data-tab]");
  if (!step || !tab) return;
  const tabs = [...tab.closest("[data-tabs]").querySelectorAll("[data-tab]")];
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  next.focus();
  showTab(next);
});

// --- palette ---------------------------------------------------------------------------------------
function openPalette() {
  const palette = document.getElementById("palette");
  if (!palette || palette.open) return;
  if (isNavOpen()) showNav(false);
  palette.showModal();
  const box = palette.querySelector("input");
  box.select();
  htmx.trigger(box, "palette-open");
}
document.addEventListener("keydown", (event) => {
  const palette = document.getElementById("palette");
  if (!palette?.open) return;
  const found = [...palette.querySelectorAll("a")];
  const now = found.findIndex((one) => one.getAttribute("aria-selected") === "true");
  const choose = (index) => found.forEach((one, i) => { one.setAttribute("aria-selected", i === index); if (i === index) one.scrollIntoView({ block: "nearest" }); });
  if (event.key === "ArrowDown") { event.preventDefault(); choose((now + 1) % found.length); }
  else if (event.key === "ArrowUp") { event.preventDefault(); choose((now - 1 + found.length) % found.length); }
  else if (event.key === "Enter" && found.length) { event.preventDefault(); found[Math.max(0, now)].click(); }
});

// --- switches: optimistic, back again when the server says no --------------------------------------
document.addEventListener("htmx:beforeRequest", (event) => {
  const found = event.detail.elt.closest?.(".switch");
  if (!found) return;
  found.dataset.before = found.getAttribute("aria-checked");
  found.setAttribute("aria-checked", found.dataset.before !== "true");
  found.classList.add("is-waiting");
});
function giveBack(event) {
  if (event.detail.elt.matches("[data-background]")) return;  // nobody asked for it, so nobody is told
  const found = event.detail.elt.closest?.(".switch");
  if (found?.dataset.before) { found.setAttribute("aria-checked", found.dataset.before); found.classList.remove("is-waiting"); }
  const said = event.detail.xhr?.getResponseHeader?.("X-Error") ;
  toast(said ? decodeURIComponent(said) : words().failed, { bad: true, retry: found ? () => found.click() : null });
}
document.addEventListener("htmx:responseError", giveBack);
document.addEventListener("htmx:sendError", giveBack);

// --- fields: what was refused is not said any more once it is being mended --------------------------
document.addEventListener("input", (event) => {
  const field = event.target.closest(".field.has-error");
  if (!field) return;
  field.classList.remove("has-error");
  field.querySelector(".error")?.remove();
  event.target.removeAttribute("aria-invalid");
});

// --- choosing rows: those in view ------------------------------------------------------------------
const IN_VIEW = 'tr:not([hidden]) input[name="selected"]';
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("[data-select-all]")) {
    box.closest("form").querySelectorAll(IN_VIEW).forEach((one) => { one.checked = box.checked; });
  }
  if (box.matches('[data-select-all], input[name="selected"]')) showBulk(box.closest("form"));
  if (box.matches("[data-submit]")) box.form.requestSubmit();
});
function showBulk(form) {
  const all = form.querySelectorAll(IN_VIEW).length;
  const chosen = form.querySelectorAll('input[name="selected"]:checked').length;
  form.querySelectorAll("[data-bulk]").forEach((bar) => { bar.hidden = !chosen; });
  form.querySelectorAll("[data-chosen]").forEach((word) => { word.textContent = chosen; });
  const head = form.querySelector("[data-select-all]");
  if (head) { head.checked = chosen >= all && all > 0; head.indeterminate = chosen > 0 && chosen < all; }
}
document.querySelectorAll("[data-indeterminate]").forEach((box) => { box.indeterminate = true; });
