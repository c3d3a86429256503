// Filters of the matrix, and arrow keys between its cells. Without this script the page shows everything.
"use strict";
const tools = document.querySelector(".tools");
const bodies = [...document.querySelectorAll(".matrix tbody")];
tools.hidden = false;

function isShown(row, marks, words) {
  const own = (row.dataset.marks ?? "").split(" ");
  const differs = !document.getElementById("differ")?.checked || own.length > 1;
  const text = `${row.cells[0].textContent} ${row.dataset.source ?? ""}`.toLowerCase();
  const isMarked = row.classList.contains("held") || own.some((mark) => marks.has(mark));
  return differs && isMarked && text.includes(words);
}

function filter() {
  const family = document.getElementById("family").value;
  const words = document.getElementById("find").value.trim().toLowerCase();
  const marks = new Set([...tools.querySelectorAll("[name=mark]:checked")].map((box) => box.value));
  for (const body of bodies) {
    let shown = 0;
    for (const row of [...body.rows].slice(1)) {
      row.hidden = !isShown(row, marks, words);
      shown += !row.hidden;
    }
    body.hidden = !shown || (family !== "" && body.dataset.family !== family);
  }
}

function move(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = event.target.closest("td.c");
  if (!step || !cell) return;
  event.preventDefault();
  const rows = bodies.filter((body) => !body.hidden).flatMap((body) => [...body.rows].slice(1));
  const shown = rows.filter((row) => !row.hidden && row.querySelector("a"));
  const row = shown[shown.indexOf(cell.parentElement) + step[0]];
  row?.cells[cell.cellIndex + step[1]]?.querySelector("a")?.focus();
}

tools.addEventListener("input", filter);
tools.addEventListener("submit", (event) => event.preventDefault());
document.querySelector(".matrix").addEventListener("keydown", move);
