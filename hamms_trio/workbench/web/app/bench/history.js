// History: every answered request; two of them compared, one of them sent again.
import { post, remove } from "../api.js";
import { clock, count, epochOf, milliseconds } from "../format.js";
import { html, signal } from "../lib.js";
import { Copy, Empty, Find, Glyph } from "../parts/marks.js";
import { useLoaded, useSubmit } from "../parts/loaded.js";
import { Complaint, RoleButton, Unavailable } from "../parts/problem.js";
import { LongTable } from "../parts/table.js";
import { go, link } from "../router.js";
import { Diff } from "./diff.js";
import { Lab } from "./lab.js";
import { draft } from "./mocks.js";
import { fetchRecord, useRecords } from "./records.js";

const filter = signal("");
const replayed = signal(null); // {id, result, original}
const HEADS = [["", "pick"], ["time", "opt at"], ["method", "word"], ["path"], ["status", "num few"], ["ms", "num few"]];

// `id` is A; `other` is B, with which A is compared.
export function History({ id, other }) {
  const { rows, problem, isWaiting, more, clear } = useRecords(filter.value);
  const pick = (picked) => {
    replayed.value = null;
    const rest = picked === id ? [] : id ? [id] : [];
    go(link("workbench", "history", picked, ...rest));
  };
  const forget = async () => {
    if (!confirm("Delete the whole history?")) return;
    await remove("/api/history");
    clear();
    go("#/workbench/history");
  };
  return html`<section class="hist" aria-labelledby="hh"><header class="bar"><h2 id="hh">History <span class="n">${count(rows.length)}</span></h2>
      <${Find} value=${filter.value} onInput=${(value) => (filter.value = value)} label="Filter the history" placeholder="path, method:, status:" />
      <${RoleButton} needs="admin" class="plain" onClick=${forget}>Clear</${RoleButton}></header>
    ${problem && html`<${Unavailable} noun="The records" problem=${problem} />`}
    ${!problem && !isWaiting && !rows.length && html`<${Empty}><p><b>${filter.value ? "No request is like this." : "Nobody has asked yet."}</b></p><p>Every request to this server appears here at once, but for the page's own.</p></${Empty}>`}
    ${rows.length > 0 && html`<${LongTable} label="History" className="fixed" height=${308} rows=${rows} heads=${HEADS} onEnd=${more}
      renderRow=${(row, index, key) => html`<${Row} key=${key} row=${row} index=${index} mark=${{ [id]: "A", [other]: "B" }[row.request_id] ?? ""} onPick=${() => pick(row.request_id)} />`} />`}
    <${Lab} />
    ${id && html`<${Picked} key=${`${id} ${other ?? ""}`} id=${id} other=${other} />`}
  </section>`;
}

function Row({ row, index, mark, onPick }) {
  const kind = row.status >= 500 ? "s5" : row.status >= 400 ? "s4" : "s2";
  return html`<tr class=${mark ? "on" : ""} aria-rowindex=${index}><td class="pick">${mark && html`<b>${mark}</b>`}</td>
    <td class="n opt">${clock(epochOf(row.ts), 1)}</td><td class="mono">${row.method}</td>
    <th scope="row" class="mono"><button type="button" class="plain pickit" onClick=${onPick} title=${row.path}>${row.path}</button>${row.method === "-" && html` <span class="inj">no replay</span>`}</th>
    <td class="num ${kind}">${row.status}</td><td class="num">${row.latency_ms.toFixed(1)}</td></tr>`;
}

async function pair(id, other) {
  const [a, b] = await Promise.all([fetchRecord(id), other ? fetchRecord(other) : null]);
  return { a, b };
}

function Picked({ id, other }) {
  const { value, problem } = useLoaded(() => pair(id, other), [id, other]);
  const [trouble, isBusy, submit] = useSubmit();
  if (problem) return html`<p class="hint">The request ${id} is not in the history: ${problem.message}</p>`;
  if (!value) return null;
  const { a, b } = value;
  const again = () => submit(async () => {
    replayed.value = { id, ...(await post(`/api/replay/${encodeURIComponent(id)}`)) };
  });
  const canReplay = Boolean(a.replay_input?.method);
  const result = replayed.value?.id === id ? replayed.value : null;
  return html`<section class="diff" aria-labelledby="pk"><h3 id="pk">${b ? html`<b>B</b> ${clock(epochOf(b.ts), 1)} to <b>A</b> ${clock(epochOf(a.ts), 1)}` : html`<b>A</b> ${a.method} ${a.path}`}</h3>
    ${result ? html`<p class="claim">The replay was answered ${result.result.status}; the original, ${result.original.status}.</p><${Diff} before=${result.original} after=${result.result} />`
      : b ? html`<${Diff} before=${responseOf(b)} after=${responseOf(a)} times=${[b.latency_ms, a.latency_ms]} />` : html`<${Exchange} record=${a} />`}
    <${Complaint} text=${trouble} />
    <p class="links"><${RoleButton} needs="operator" disabled=${isBusy || !canReplay} onClick=${again} title=${canReplay ? "Send it once more, with your own rights" : "This request could not be read, so it can't be sent again."}>Replay A</${RoleButton}>
      <${RoleButton} needs="admin" onClick=${() => makeMock(a)}>Make a mock of A</${RoleButton}>${canReplay && html`<${Copy} label="Copy as curl" text=${asCurl(a)} />`}
      <a href="#/workbench/history">Pick none</a>${!b && html`<span class="hint">Pick another request to compare it with A.</span>`}</p></section>`;
}

const responseOf = (record) => ({ status: record.status, ...(record.response ?? { body: "(the server did not keep this body)" }) });

function Exchange({ record }) {
  const { replay_input: asked, response } = record;
  return html`<dl class="res"><dt>answered</dt><dd class="n">${record.status} after ${milliseconds(record.latency_ms)}</dd><dt>octets</dt><dd class="n">${count(record.bytes_in)} in, ${count(record.bytes_out)} out</dd></dl>
    ${asked?.method && html`<h3>Request</h3><pre tabindex="0"><code>${head(`${asked.method} ${asked.raw_target}`, asked)}</code></pre>`}
    ${response && html`<h3>Response</h3><pre tabindex="0"><code>${head(String(response.status), response)}</code></pre>`}
    ${asked?.redacted && html`<p class="hint"><${Glyph} name="v-held" /> Credentials are not kept; a replay is made with yours.</p>`}`;
}

function head(line, { headers = {}, body = "" }) {
  return [line, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), "", body].join("\n").trimEnd();
}

function makeMock(record) {
  const { response } = record;
  draft.value = {
    method: record.method === "HEAD" ? "GET" : record.method, path_pattern: record.path, status: record.status,
    content_type: response?.headers["content-type"] ?? "text/plain", headers: {}, body: response?.body ?? "",
  };
  go("#/workbench/mocks/new");
}

function asCurl({ replay_input: { method, raw_target: target, headers, body } }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const skipped = /^(host|content-length|connection|transfer-encoding)$/i;
  const fields = Object.entries(headers).filter(([name]) => !skipped.test(name)).map(([name, value]) => ` \\\n  -H ${quoted(`${name}: ${value}`)}`);
  return `curl -sS -X ${method}${fields.join("")}${body ? ` \\\n  --data-binary ${quoted(body)}` : ""} \\\n  ${quoted(location.origin + target)}`;
}
