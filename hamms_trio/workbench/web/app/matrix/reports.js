// Reports of hamms-trio check: read, checked, and put together to a matrix of modes by clients.
import { signal } from "../lib.js";
import { kindOf, rankOf } from "./verdicts.js";

export const reports = signal([]); // in the order in which they were opened

// Takes the text of a file: one report, or a list of them.
export function open(text, name) {
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is no JSON: ${error.message}`);
  }
  const found = (Array.isArray(document) ? document : document?.reports ?? [document]).map((report) => checked(report, name));
  reports.value = [...reports.value, ...found];
  return found;
}

function checked(report, name) {
  if (!report || typeof report !== "object" || !report.modes || typeof report.modes !== "object" || !report.client) {
    throw new Error(`${name} is no report of hamms-trio check: it has no client and modes.`);
  }
  if (report.schema !== 1) throw new Error(`${name} has the schema ${JSON.stringify(report.schema)}; this page reads schema 1.`);
  const { argv = [], version = "" } = report.client;
  const client = String(report.client.name ?? argv[0]?.split("/").at(-1) ?? "client");
  return { ...report, file: name, title: client, version: shortened(String(version)) };
}

// The number in what a client says of its version.
function shortened(version) {
  return /\d+(?:\.\d+)+[\w.-]*/.exec(version)?.[0] ?? version.slice(0, 24);
}

// Columns: for each client its newest report, and the one before.
export function columnsOf(all) {
  const found = new Map();
  for (const report of all) {
    const id = report.title;
    const column = found.get(id) ?? { id, runs: [] };
    column.runs.push(report);
    found.set(id, column);
  }
  return [...found.values()].map(({ id, runs }) => ({ id, title: id, version: runs.at(-1).version, report: runs.at(-1), before: runs.at(-2) ?? null, runs }));
}

// Rows by family, in the order of the reports: [{family, rows: [{slug, cells, fails}]}].
export function rowsOf(columns, { words, family, show, kinds }) {
  const slugs = new Map();
  for (const { report } of columns) for (const [slug, entry] of Object.entries(report.modes)) slugs.set(slug, entry.family ?? familyOf(slug));
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const [slug, of] of slugs) {
    if (family !== "all" && of !== family) continue;
    const cells = columns.map(({ report, before }) => cellOf(report.modes[slug], before?.modes[slug]));
    if (!isShown(cells, show, kinds)) continue;
    if (wanted.length && !wanted.every((word) => textOf(slug, cells, columns).includes(word))) continue;
    const fails = cells.filter((cell) => cell && cell.rank > 1).length;
    if (!groups.has(of)) groups.set(of, { family: of, rows: [] });
    groups.get(of).rows.push({ slug, cells, fails });
  }
  return [...groups.values()];
}

const familyOf = (slug) => slug.split("-")[0];

function cellOf(entry, before) {
  if (!entry) return null;
  const kind = kindOf(entry);
  const rank = rankOf(entry);
  const change = before ? Math.sign(rank - rankOf(before)) : 0;
  return { entry, before, kind, rank, change };
}

function isShown(cells, show, kinds) {
  const there = cells.filter(Boolean);
  if (!there.some(({ kind }) => kinds.has(kind.cell))) return false;
  if (show === "changed") return there.some(({ change }) => change !== 0);
  if (show === "differ") return new Set(there.map(({ kind }) => kind.cell)).size > 1;
  return true;
}

function textOf(slug, cells, columns) {
  const sources = cells.filter(Boolean).map(({ entry }) => `${entry.source} ${entry.class}`);
  return `${slug} ${sources.join(" ")} ${columns.map(({ title }) => title).join(" ")}`.toLowerCase();
}

export function familiesOf(columns) {
  const found = new Set();
  for (const { report } of columns) for (const [slug, entry] of Object.entries(report.modes)) found.add(entry.family ?? familyOf(slug));
  return [...found];
}

// How many cells have each kind.
export function tally(columns) {
  const counts = new Map();
  for (const { report } of columns) {
    for (const entry of Object.values(report.modes)) {
      const { cell } = kindOf(entry);
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
  }
  return counts;
}

export function scoreOf(report) {
  if (typeof report.summary?.score === "number") return Math.round(report.summary.score);
  const applicable = Object.values(report.modes).filter(({ verdict }) => verdict !== "N/A" && verdict !== "INFO");
  if (!applicable.length) return null;
  return Math.round(100 * (1 - applicable.reduce((sum, entry) => sum + rankOf(entry), 0) / (6 * applicable.length)));
}
