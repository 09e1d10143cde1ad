// 从价目表导入: the table is narrowed while one types. Without it the search is a plain form.
"use strict";

const search = document.querySelector("[data-catalogs-search]");

function narrow() {
  const word = search.value.trim().toLowerCase();
  document.querySelectorAll(".catalogs-table tbody").forEach((group) => {
    const rows = [...group.querySelectorAll("tr[data-words]")];
    rows.forEach((row) => { row.hidden = !row.dataset.words.includes(word); });
    group.hidden = rows.every((row) => row.hidden);
  });
}
search.addEventListener("input", narrow);
search.form.addEventListener("submit", (event) => { event.preventDefault(); narrow(); });
