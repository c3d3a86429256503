// Verdicts: each class of finding has a shape, a weight, and a word; the worst comes first.
const ROWS = [
  // classes, mark, cell, word, rank
  [["crash"], "v-crash", "crash", "crash", 6],
  [["injected", "leak", "insecure"], "v-inject", "inject", "injected", 6],
  [["corrupt"], "v-corrupt", "corrupt", "corrupt", 5],
  [["truncated"], "v-trunc", "trunc", "truncated", 5],
  [["retry-storm", "double-send", "early", "resources"], "v-storm", "storm", "storm", 4],
  [["late", "hang"], "v-hang", "hang", "hang", 3],
  [["rejected"], "v-rejected", "rejected", "rejected", 2],
  [["lenient", "strict", "no-timeout", "foreign-error", "spins"], "v-warn", "warn", "warning", 1],
  [["ok", "policy", "no-retry"], "v-pass", "pass", "pass", 0],
  [["lacks", "not-fired"], "v-na", "na", "n/a", 0],
  [["withheld"], "v-held", "held", "withheld", 0],
];
export const KINDS = ROWS.map(([, mark, cell, word, rank]) => ({ mark, cell, word, rank }));
const BY_CLASS = new Map(ROWS.flatMap(([classes, mark, cell, word, rank]) => classes.map((each) => [each, { mark, cell, word, rank }])));
const BY_VERDICT = { PASS: "ok", INFO: "policy", "N/A": "lacks", WARN: "lenient", FAIL: "rejected", CRASH: "crash" };

// The kind of a mode's verdict; a class that is unknown here falls back on the verdict alone.
export function kindOf({ class: name, verdict }) {
  return BY_CLASS.get(name) ?? BY_CLASS.get(BY_VERDICT[verdict]) ?? BY_CLASS.get("lacks");
}

export function rankOf(entry) {
  return entry.rank ?? kindOf(entry).rank;
}
