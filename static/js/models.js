/* 模型管理: what the list does beyond htmx and the shared script. Without it every action is a plain form. */
"use strict";

const list = () => document.getElementById("models");

// A dialog opens when the server has filled it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "ask") event.detail.target.showModal();
});

// A row's menu is made when it is opened. Without scripts the bar below the list does the same to chosen rows.
document.addEventListener("toggle", (event) => {
  const details = event.target;
  if (!details.matches?.("[data-model-menu]") || !details.open) return;
  const menu = document.getElementById("model-menu").content.firstElementChild.cloneNode(true);
  const own = details.closest("tr").querySelector(".switch");
  const state = own.getAttribute("aria-checked") === "true" ? "on" : own.disabled ? "not ready" : "off";
  menu.querySelectorAll("[data-when]").forEach((one) => { if (one.dataset.when !== state) one.remove(); });
  for (const one of menu.querySelectorAll("[href], [hx-post]")) for (const name of ["href", "hx-post"]) {
    if (one.hasAttribute(name)) one.setAttribute(name, one.getAttribute(name).replace("/0/", `/${details.dataset.modelMenu}/`));
  }
  details.querySelector(".menu")?.remove();
  details.append(menu);
  htmx.process(menu);
}, true);

// The address carries only what was asked for, and what it says already is not asked again.
document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches(".models-filter")) return;
  const asked = event.detail.parameters;
  for (const [name, value] of Object.entries(asked)) if (!value) delete asked[name];
  if (sorted(new URLSearchParams(Object.entries(asked))) === sorted(new URLSearchParams(location.search))) event.preventDefault();
});
function sorted(parameters) {
  parameters.delete("page");
  parameters.sort();
  return parameters.toString();
}

// Enter in a checkbox would press the form's first button.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches('#models input[type="checkbox"]')) { event.preventDefault(); event.target.click(); }
});

// Clearing the selection changes no checkbox by a click, so its count has to be told.
document.addEventListener("reset", (event) => {
  if (event.target === list()) setTimeout(() => showBulk(event.target));
});

// A worker probes in the background: the rows look again for a while.
const LOOKS_MS = [1500, 3000, 5000, 8000, 12000];
document.addEventListener("rows-probed", () => {
  const chosen = list().querySelectorAll('input[name="selected"]:checked');
  const rows = [...(chosen.length ? chosen : list().querySelectorAll('input[name="selected"]'))].map((box) => box.closest("tr").id);
  LOOKS_MS.forEach((wait) => setTimeout(() => rows.forEach((id) => {
    const row = document.getElementById(id);
    if (row && !row.querySelector("details[open]")) htmx.trigger(row, "refresh");
  }), wait));
});
