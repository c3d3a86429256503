// The answers of the workbench in the last ten minutes, from the stream: for the SLO board.
import { percentile } from "../format.js";
import { signal } from "../lib.js";
import { connections, lookBack } from "../live/connections.js";
import { subscribe } from "../stream.js";

export const WINDOW = 600; // seconds
const BUCKET = 5; // seconds of one point in the plot
const MOST_SAMPLES = 60_000;

const samples = []; // [at, milliseconds, status]
export const answered = signal(0); // grows with each batch
let hasBegun = false;

export function watchRequests() {
  if (hasBegun) return;
  hasBegun = true;
  subscribe(take);
  lookBack().then(() => {
    const known = samples[0]?.[0] ?? Infinity;
    const older = connections.log.filter(({ type, at }) => type === "request.completed" && at < known);
    samples.unshift(...older.map(({ at, payload }) => [at, payload.latency_ms, payload.status]));
    answered.value += 1;
  });
}

function take(events) {
  const before = samples.length;
  for (const { type, at, payload } of events) {
    if (type === "request.completed") samples.push([at, payload.latency_ms, payload.status]);
  }
  const earliest = Date.now() / 1000 - WINDOW;
  let old = Math.max(0, samples.length - MOST_SAMPLES);
  while (old < samples.length && samples[old][0] < earliest) old += 1;
  if (old) samples.splice(0, old);
  if (samples.length !== before || old) answered.value += 1;
}

// The percentiles and errors of the window as a whole.
export function totals() {
  const times = samples.map(([, milliseconds]) => milliseconds).sort((a, b) => a - b);
  const errors = samples.filter(([, , status]) => status >= 500).length;
  const share = samples.length ? errors / samples.length : 0;
  return {
    requests: samples.length, errors: share,
    p50: percentile(times, 50), p95: percentile(times, 95), p99: percentile(times, 99),
  };
}

// Columns for the plot: times, then p50, p95, p99 and the share of 5xx of each bucket.
export function columns(now) {
  const first = Math.floor((now - WINDOW) / BUCKET) * BUCKET;
  const buckets = new Map();
  for (const [at, milliseconds, status] of samples) {
    const bucket = Math.floor(at / BUCKET) * BUCKET;
    if (!buckets.has(bucket)) buckets.set(bucket, { times: [], errors: 0 });
    const entry = buckets.get(bucket);
    entry.times.push(milliseconds);
    entry.errors += status >= 500;
  }
  const rows = [[], [], [], [], []];
  for (let at = first; at <= now; at += BUCKET) {
    const entry = buckets.get(at);
    const times = entry?.times.sort((a, b) => a - b);
    rows[0].push(at);
    [50, 95, 99].forEach((percent, index) => rows[index + 1].push(times ? percentile(times, percent) : null));
    rows[4].push(times ? (100 * entry.errors) / times.length : null);
  }
  return rows;
}
