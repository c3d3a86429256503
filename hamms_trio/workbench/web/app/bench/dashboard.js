// The dashboard: what the server has done since it began, and its trends.
import { get } from "../api.js";
import { count, milliseconds, size } from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { Series } from "../draw/series.js";
import { Choice } from "../parts/marks.js";
import { useLoaded } from "../parts/loaded.js";
import { Unavailable } from "../parts/problem.js";
import { IncidentBar } from "./incident.js";
import { answered, watchRequests } from "./requests.js";
import { Slo } from "./slo.js";

const AT_MOST_EVERY = 1000; // milliseconds between two looks, and none while nothing happens

export function Dashboard() {
  return html`<${IncidentBar} /><${Slo} /><${Totals} /><${Trends} />`;
}

// Loads anew when answers were given, but not more often than that.
function useWhileBusy(reload) {
  const seen = useRef(0);
  useEffect(() => {
    watchRequests();
    const timer = setInterval(() => {
      if (seen.current === answered.value || document.hidden) return;
      seen.current = answered.value;
      reload();
    }, AT_MOST_EVERY);
    return () => clearInterval(timer);
  }, []);
}

function Totals() {
  const { value, problem, reload } = useLoaded(() => get("/_metrics"));
  useWhileBusy(reload);
  if (problem) return html`<section><${Unavailable} noun="Metrics" problem=${problem} /></section>`;
  if (!value) return null;
  const facts = [
    ["requests", count(value.total_requests)], ["open connections", count(value.open_connections)], ["in flight", count(value.inflight_requests)],
    ["on a kept connection", count(value.requests_reused_connection)], ["sent", size(value.bytes_sent_total)],
    ["p99", milliseconds(value.latency_p99_ms)], ["state", value.drain_state], ["engine", value.engine], ["connection errors", count(Object.values(value.error_counts_by_class).reduce((a, b) => a + b, 0))],
  ];
  const routes = Object.entries(value.requests_by_route).sort((a, b) => b[1] - a[1]);
  return html`<section aria-labelledby="dt"><h2 id="dt">Since the server began</h2>
      <dl class="facts">${facts.map(([name, text]) => html`<div><dt>${name}</dt><dd class="n">${text}</dd></div>`)}</dl>
      <h3>Statuses</h3><dl class="facts">${Object.entries(value.status_counts).sort().map(([status, number]) => html`<div><dt>${status}</dt><dd class="n">${count(number)}</dd></div>`)}</dl></section>
    <section aria-labelledby="dr"><h2 id="dr">By route <span class="d">${routes.length}</span></h2><div class="tablebox"><table class="routes"><thead><tr><th scope="col">route</th><th scope="col" class="num">requests</th><th scope="col" class="num opt">errors</th><th scope="col" class="num">p50</th><th scope="col" class="num">p95</th><th scope="col" class="num">p99</th></tr></thead>
      <tbody>${routes.map(([route, number]) => {
        const { p50, p95, p99 } = value.latency_by_route_ms[route] ?? {};
        const errors = Object.entries(value.status_by_route[route] ?? {}).filter(([status]) => status >= 400).reduce((sum, [, each]) => sum + each, 0);
        return html`<tr key=${route}><th scope="row" class="mono path">${route}</th><td class="num">${count(number)}</td><td class="num opt ${errors ? "s4" : ""}">${errors}</td>${[p50, p95, p99].map((each) => html`<td class="num">${each === undefined ? "" : milliseconds(each)}</td>`)}</tr>`;
      })}</tbody></table></div></section>`;
}

function Trends() {
  const [range, setRange] = useState("1h");
  const [route, setRoute] = useState("__all__");
  const { value, problem } = useLoaded(() => get(`/api/metrics/trends?window=${range}&route=${encodeURIComponent(route)}`), [range, route]);
  const metrics = useLoaded(() => get("/_metrics"));
  const points = value?.points ?? [];
  const columns = useMemo(() => [points.map((p) => p.bucket_start), points.map((p) => p.p50), points.map((p) => p.p95), points.map((p) => p.p99)], [points]);
  const end = points.length ? Math.max(points.at(-1).bucket_start + 60, Date.now() / 1000) : 0;
  const shown = [end - (value?.window_seconds ?? 3600), end];
  const counts = useMemo(() => [points.map((p) => p.bucket_start), points.map((p) => p.request_count), points.map((p) => p.status_5xx)], [points]);
  return html`<section class="trends" aria-labelledby="tr"><header class="bar"><h2 id="tr">Trends <span class="d">minute by minute</span></h2>
      <${Choice} legend="window" name="range" value=${range} onChange=${setRange} options=${[["15m", "15 min"], ["1h", "1 h"], ["24h", "24 h"], ["7d", "7 days"]]} />
      <label class="sel">route <select value=${route} onChange=${(event) => setRoute(event.target.value)}><option value="__all__">all</option>${Object.keys(metrics.value?.requests_by_route ?? {}).sort().map((each) => html`<option>${each}</option>`)}</select></label></header>
    ${problem && html`<${Unavailable} noun="Trends" problem=${problem} />`}
    ${value && (points.length ? html`<h3>Latency: p50 solid, p95 dashed, p99 dotted</h3><${Series} columns=${columns} labels=${["p50", "p95", "p99"]} unit="ms" isLog=${true} range=${shown} name="Latency in minutes of the chosen window." />
        <h3>Requests solid, 5xx dashed</h3><${Series} columns=${counts} labels=${["requests", "5xx"]} unit="" range=${shown} name="Requests and errors in minutes of the chosen window." />
        <dl class="facts"><div><dt>requests</dt><dd class="n">${count(value.summary.request_count)}</dd></div><div><dt>errors</dt><dd class="n">${value.summary.error_rate.toFixed(1)} %</dd></div></dl>`
      : html`<p class="hint">No minute of this window is complete yet.</p>`)}</section>`;
}
