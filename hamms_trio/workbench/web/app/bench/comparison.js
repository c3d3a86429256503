// Two runs of a scenario side by side.
import { count, milliseconds } from "../format.js";
import { html } from "../lib.js";
import { Glyph } from "../parts/marks.js";

export function Comparison({ before, after, title }) {
  const rows = [
    ["reliability", before.analysis.reliability_score, after.analysis.reliability_score, String, (a, b) => signed(b - a)],
    ["steps run", before.step_results.length, after.step_results.length, String, (a, b) => (a === b ? "the same" : signed(b - a))],
    ["failed assertions", before.failed_assertions, after.failed_assertions, String, (a, b) => (a === b ? "the same" : signed(b - a))],
    ["whole run", before.summary.duration_ms, after.summary.duration_ms, milliseconds, ratio],
    ...stepRows(before, after),
  ];
  return html`<h3>${title ?? `Compared with run ${before.run_id.slice(0, 6)}`}</h3><div class="tablebox"><table class="cmp"><thead><tr><th scope="col"></th><th scope="col" class="num">${before.run_id.slice(0, 6)}</th><th scope="col" class="num">${after.run_id.slice(0, 6)}</th><th scope="col">change</th></tr></thead><tbody>
    <tr><th scope="row">result</th><td class="num"><${Outcome} run=${before} /></td><td class="num"><${Outcome} run=${after} /></td><td>${change(before, after)}</td></tr>
    ${rows.map(([name, a, b, format, tell]) => html`<tr key=${name}><th scope="row">${name}</th><td class="num">${a === undefined ? "" : format(a)}</td><td class="num">${b === undefined ? "" : format(b)}</td><td>${a === undefined || b === undefined ? "" : tell(a, b)}</td></tr>`)}</tbody></table></div>`;
}

function Outcome({ run }) {
  const passed = run.status === "pass";
  return html`<${Glyph} name=${passed ? "v-pass" : "v-crash"} kind=${passed ? "v-pass" : "cf"} /> ${passed ? "passed" : "failed"}`;
}

function change(before, after) {
  if (before.status === after.status) return "the same";
  return after.status === "pass" ? "better" : "worse";
}

function stepRows(before, after) {
  const times = (run) => new Map(run.step_results.map(({ step_id: id, latency_ms: took }) => [id, took]));
  const [a, b] = [times(before), times(after)];
  return [...new Set([...a.keys(), ...b.keys()])].map((id) => [`step ${id}`, a.get(id), b.get(id), milliseconds, ratio]);
}

const signed = (number) => (number > 0 ? `+${number}` : String(number));

function ratio(a, b) {
  if (!a || !b) return "";
  const times = b / a;
  return times >= 1.5 ? `×${times.toFixed(times < 10 ? 1 : 0)}` : times <= 0.67 ? `÷${times > 0.1 ? (1 / times).toFixed(1) : count(1 / times)}` : "about the same";
}
