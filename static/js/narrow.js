// A table is narrowed while one types: data-narrow is its selector, data-words of a row what is searched.
"use strict";

function narrow(search) {
  const word = search.value.trim().toLowerCase();
  document.querySelectorAll(`${search.dataset.narrow} tbody`).forEach((group) => {
    const rows = [...group.querySelectorAll("tr[data-words]")];
    rows.forEach((row) => { row.hidden = !row.dataset.words.includes(word); });
    group.hidden = rows.every((row) => row.hidden);
  });
}
document.addEventListener("input", (event) => { if (event.target.matches("[data-narrow]")) narrow(event.target); });
// Enter would press the form's first button, or load the page anew.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("[data-narrow]")) { event.preventDefault(); narrow(event.target); }
});
