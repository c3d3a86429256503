// Which connections are drawn, and where: a lane for each client, a row for each connection that overlaps another.
import { clientOf, endOf } from "./model.js";
import { portOf } from "./filter.js";

export const MOST_LANES = 20;
const MOST_ROWS = 6; // of one lane; more share the last row

// Returns {lanes, others}: lanes are {name, rows, doors, outcome, newest}, those with the newest event first.
export function lanesOf(connections, { from, to, isMeant }) {
  const found = new Map();
  for (const connection of connections) {
    const end = connection.closed ?? to;
    if (end < from || connection.opened > to || !isMeant(connection)) continue;
    const name = clientOf(connection);
    const lane = found.get(name) ?? { name, all: [], newest: 0 };
    lane.all.push(connection);
    lane.newest = Math.max(lane.newest, connection.newest);
    found.set(name, lane);
  }
  const ordered = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const newest = new Set([...ordered].sort((a, b) => b.newest - a.newest).slice(0, MOST_LANES));
  const lanes = ordered.filter((lane) => newest.has(lane)).map((lane) => ({ ...lane, ...rowsOf(lane.all, to), ...wordsOf(lane.all) }));
  return { lanes, others: ordered.length - lanes.length };
}

function rowsOf(all, now) {
  const ends = [];
  const rows = [];
  for (const connection of all.sort((a, b) => a.opened - b.opened)) {
    let row = ends.findIndex((end) => end <= connection.opened);
    if (row < 0) row = Math.min(ends.length, MOST_ROWS - 1);
    ends[row] = Math.max(ends[row] ?? 0, (connection.closed ?? now) + 0.05);
    (rows[row] ??= []).push(connection);
  }
  return { rows };
}

function wordsOf(all) {
  const doors = [...new Set(all.map((each) => `${portOf(each)} ${each.mode || each.door}`.trim()))];
  const ends = new Map();
  for (const each of all) {
    const [word] = endOf(each);
    ends.set(word, (ends.get(word) ?? 0) + 1);
  }
  const outcome = [...ends].sort((a, b) => b[1] - a[1]).slice(0, 2).map(([word, number]) => `${number} ${WORDS[word] ?? word}`).join(", ");
  return { doors: doors.slice(-2).join(", "), outcome };
}

const WORDS = {
  "gave-up": "gave up", open: "open", fin: "closed", ended: "ended by the server", reset: "reset by the server",
  rst: "reset by the client", vanished: "vanished", closed: "closed",
};
