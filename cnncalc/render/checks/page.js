"use strict";
const table = document.querySelector("table.files");
const body = table.tBodies[0];
const heads = [...table.tHead.rows[0].cells];
const rows = [...body.rows];

// a figure without its separators, the order of a status, or the words of a cell; an unknown figure sorts below all others
function value(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.value) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  if (!heads[column].classList.contains("n")) return text.toLowerCase();
  const digits = text.replace(/[^0-9]/g, "");
  return digits ? Number(digits) : text ? -1 : -2;
}

function sort(column) {
  const old = heads[column].getAttribute("aria-sort");
  const order = old === null ? "ascending" : old === "ascending" ? "descending" : null;
  for (const head of heads) head.removeAttribute("aria-sort");
  if (order === null) {
    body.replaceChildren(...rows);
    return;
  }
  heads[column].setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const keyed = rows.map((row) => [value(row, column), row]);
  keyed.sort(([a], [b]) => (a < b ? -sign : a > b ? sign : 0));
  body.replaceChildren(...keyed.map(([, row]) => row));
}

heads.forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => sort(column));
  head.append(button);
});

const form = document.querySelector(".filters");
const { text, status, rule, count } = form.elements;
const messages = rows.map((row) => document.querySelector(row.querySelector("a").getAttribute("href")));

function filter() {
  const words = text.value.trim().toLowerCase();
  let shown = 0;
  rows.forEach((row, number) => {
    const fits =
      (!status.value || row.dataset.status === status.value) &&
      (!rule.value || row.dataset.broken.split(" ").includes(rule.value)) &&
      (row.textContent + messages[number].textContent).toLowerCase().includes(words);
    row.hidden = messages[number].hidden = !fits;
    shown += fits;
  });
  count.value = shown === rows.length ? rows.length + " files" : shown + " of " + rows.length + " files";
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
filter();

for (const message of messages) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "copy";
  button.addEventListener("click", () => {
    const selection = getSelection();
    selection.selectAllChildren(message.querySelector(".text"));
    button.textContent = document.execCommand("copy") ? "copied" : "selected";
  });
  message.append(button);
}
