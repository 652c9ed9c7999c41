"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (id) => document.getElementById(id);

/** Orders two values of a column; rows without a value stay last in both directions. */
function order(first, second, sign) {
  if (first === "" || second === "") return (first === "") - (second === "");
  return sign * (isNaN(first) || isNaN(second) ? first.localeCompare(second) : first - second);
}

/** Sorts the models of a table by a column; reference rows and published rows stay below them. */
function sort(header) {
  const table = header.closest("table");
  const now = header.getAttribute("aria-sort");
  const next = now === "none" ? header.dataset.first : now === "ascending" ? "descending" : "ascending";
  for (const each of all("th[aria-sort]", table)) each.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", next);
  const sign = next === "ascending" ? 1 : -1;
  const value = (body) => body.rows[0].cells[header.cellIndex].dataset.value;
  const models = all("tbody.model", table).sort((a, b) => order(value(a), value(b), sign));
  for (const each of models) table.insertBefore(each, table.querySelector("tbody.references"));
}

/** Shows the tables and models that match, and their number. */
function filter() {
  const words = one("search").value.trim().toLowerCase();
  const fits = (chosen, value) => chosen === "" || chosen === value;
  let count = 0;
  for (const board of all(".board")) {
    const wanted = fits(one("data").value, board.dataset.data) && fits(one("evaluator").value, board.dataset.evaluator);
    const models = all("tbody.model", board);
    for (const each of models) each.hidden = !each.dataset.text.toLowerCase().includes(words);
    const left = models.filter((each) => !each.hidden).length;
    board.hidden = !wanted || left === 0;
    count += board.hidden ? 0 : left;
  }
  one("count").textContent = count === 1 ? "1 model" : `${count} models`;
}

/** Opens or closes the details of one model. */
function unfold(button) {
  const details = one(button.getAttribute("aria-controls"));
  details.hidden = !details.hidden;
  button.setAttribute("aria-expanded", String(!details.hidden));
}

for (const each of all("th[aria-sort]")) each.querySelector("button").addEventListener("click", () => sort(each));
for (const each of all("button.more")) each.addEventListener("click", () => unfold(each));
document.querySelector("form").addEventListener("input", filter);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
filter();
