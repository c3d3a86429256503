// The SLO board: latency and errors of the last ten minutes, as the stream tells them.
import { clock, count, milliseconds, seconds } from "../format.js";
import { html, useEffect, useState } from "../lib.js";
import { Series } from "../draw/series.js";
import { bands, incident, recovery } from "./incident.js";
import { answered, columns, totals, watchRequests, WINDOW } from "./requests.js";
import { passRate } from "./runs.js";

const OBJECTIVE = 0.01; // of all requests may fail with 5xx
const EVERY = 1000; // milliseconds

export function useBoard() {
  const [board, setBoard] = useState({ columns: [[], [], [], [], []], totals: totals(), at: 0 });
  useEffect(() => {
    watchRequests();
    let seen = -1;
    const look = () => {
      if (document.hidden) return;
      const now = Date.now() / 1000;
      if (seen !== answered.value || now - seen > 60) setBoard({ columns: columns(now), totals: totals(), at: now });
      seen = answered.value;
    };
    look();
    const timer = setInterval(look, EVERY);
    return () => clearInterval(timer);
  }, []);
  return board;
}

const or = (value, format) => (Number.isNaN(value) || value === null ? "none" : format(value));

export function Slo() {
  const board = useBoard();
  const { p50, p95, p99, errors, requests } = board.totals;
  const left = Math.max(0, 1 - errors / OBJECTIVE);
  return html`<section class="slo" aria-labelledby="sh"><h2 id="sh">Latency and errors <span class="d">the last 10 minutes, live</span></h2>
    ${requests ? html`<${Series} columns=${board.columns.slice(0, 4)} labels=${["p50", "p95", "p99"]} unit="ms" isLog=${true} height=${120} range=${[board.at - WINDOW, board.at]} bands=${bands.value}
        name="Latency over ten minutes: p50 ${or(p50, milliseconds)}, p95 ${or(p95, milliseconds)}, p99 ${or(p99, milliseconds)}." />`
      : html`<p class="hint">The workbench has answered nobody in this time. Its own address is <code>${location.origin}</code>.</p>`}
    <dl class="facts"><div><dt><i class="k l50"></i>p50</dt><dd class="n">${or(p50, milliseconds)}</dd></div><div><dt><i class="k l95"></i>p95</dt><dd class="n">${or(p95, milliseconds)}</dd></div>
      <div><dt><i class="k l99"></i>p99</dt><dd class="n">${or(p99, milliseconds)}</dd></div><div><dt>5xx</dt><dd class="n">${(errors * 100).toFixed(1)} %</dd></div>
      <div><dt title="of 1 % that may fail">budget left</dt><dd class="n">${Math.round(left * 100)} %</dd></div><div><dt>requests</dt><dd class="n">${count(requests)}</dd></div>
      <div><dt>scenarios passed</dt><dd class="n">${passRate.value}</dd></div><div><dt>last recovery</dt><dd class="n">${or(recovery.value, seconds)}</dd></div>
      <div><dt>incident</dt><dd class="n">${incident.value?.active ? incident.value.mode : "none"}</dd></div><div><dt>as of</dt><dd class="n">${board.at ? clock(board.at, 0) : "now"}</dd></div></dl>
  </section>`;
}
