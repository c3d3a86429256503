// One connection: its sequence, its requests, how it ended, and how to make it again.
import { Sequence } from "../draw/sequence.js";
import { clock, octets, seconds } from "../format.js";
import { html, useEffect, useRef } from "../lib.js";
import { Copy, Empty, Glyph, showDrawer } from "../parts/marks.js";
import { go, link } from "../router.js";
import { connections, version } from "./connections.js";
import { portOf } from "./filter.js";
import { clientOf, endOf, isWaiting } from "./model.js";

export function Detail({ id }) {
  version.value;
  const connection = connections.byId.get(Number(id));
  const drawer = useRef(null);
  useEffect(() => showDrawer(drawer.current), [id]);
  return html`<aside class="drawer" ref=${drawer} aria-labelledby="dh"><header><h2 id="dh">c-${id}</h2>
      <button type="button" class="plain" data-close="" aria-label="Close the detail" onClick=${() => go("#/live")}><${Glyph} name="i-x" kind="i" /></button></header>
    ${connection ? html`<${Neighbours} connection=${connection} /><${About} connection=${connection} />` : html`<${Empty}><p><b>This connection is not known here any more.</b></p>
      <p>The page keeps the newest 2 000. What was answered is in the <a href="#/workbench/history">history</a>.</p></${Empty}>`}
  </aside>`;
}

// The client's connections before and after this one, which the keys k and j open.
function Neighbours({ connection }) {
  const name = clientOf(connection);
  const those = [...connections.byId.values()].filter((each) => clientOf(each) === name);
  const place = those.indexOf(connection);
  const [before, after] = [those[place - 1], those[place + 1]];
  if (those.length < 2) return null;
  return html`<p class="step inside">${before && html`<a href=${link("live", "c", String(before.id))} rel="prev"><kbd>k</kbd>c-${before.id}</a>`}
    ${after && html`<a href=${link("live", "c", String(after.id))} rel="next"><kbd>j</kbd>c-${after.id}</a>`}<span class="n">${place + 1} of ${those.length} of ${name}</span></p>`;
}

function About({ connection }) {
  const { requests, asked, opened, received, sent, peer, mode, door, marks } = connection;
  const [, end] = endOf(connection);
  const last = requests.at(-1);
  const place = `${portOf(connection)} ${mode || door}`.trim();
  return html`<p class="claim">${claim(connection)}</p>
    ${marks.length > 0 && html`<${Sequence} moments=${momentsOf(connection)} name="c-${connection.id}" origin=${0} />`}
    <dl class="res">
      <dt>${mode ? "mode" : "door"}</dt><dd>${mode ? html`<a href=${link("modes", mode)}>${place}</a>` : place}</dd>
      <dt>connected</dt><dd class="n">${clock(opened)}</dd>
      <dt>from the client</dt><dd class="n">${octets(received)}</dd>
      <dt>from the server</dt><dd class="n">${octets(sent)}</dd>
      <dt>end</dt><dd>${end}${endTime(connection)}</dd>
      <dt>peer</dt><dd class="n">${peer}</dd>
    </dl>
    ${requests.slice(-5).map((request, index) => html`<h3>${requests.length > 1 ? `Request ${asked - Math.min(5, requests.length) + index + 1} of ${asked}` : "Request"}${request.status ? `, answered ${request.status}` : ""}</h3>
      <pre tabindex="0"><code>${headOf(request)}</code></pre>
      ${request.trace && html`<p class="links"><a href=${link("workbench", "history", request.trace)}>In the history</a></p>`}`)}
    <p class="hint">Names and values are shown as text, whatever they hold.</p>
    <p class="links">${mode && html`<a href=${link("modes", mode)}>The mode</a>`}${last && html`<${Copy} label="Copy as curl" text=${asCurl(connection, last)} />`}</p>`;
}

// The connection in one sentence.
export function claim(connection) {
  const name = clientOf(connection);
  const [word, end] = endOf(connection);
  const { left, opened, sent, requests, asked } = connection;
  const since = requests.at(-1)?.at ?? opened;
  if (word === "gave-up") {
    const got = sent ? `with ${octets(sent)} of an answer` : "without one octet of an answer";
    return `${name} gave up after ${seconds(left.at - since)}, ${got}.`;
  }
  if (word === "open") return isWaiting(connection) ? `${name} waits.` : `${name} is connected.`;
  return `${name} sent ${requests.length === 1 ? "a request" : `${asked} requests`}; ${end}.`;
}

function endTime({ opened, left, ended, reset, closed }) {
  const at = reset ?? left?.at ?? ended ?? closed;
  return at === null || at === undefined ? "" : html` <span class="n">+${(at - opened).toFixed(3)} s</span>`;
}

// The marks of a connection as moments of a transcript; octets that belong to a request carry its text.
export function momentsOf(connection) {
  const { opened, marks } = connection;
  const moments = [{ at: 0, by: "client", event: "SYN" }];
  let isDue = null; // octets of the client whose request is not known yet
  for (const mark of marks) {
    const at = mark.at - opened;
    if (mark.request) {
      const text = headOf(mark.request);
      if (isDue && !isDue.text) isDue.text = text;
      else moments.push({ at, by: "client", octets: mark.octets || text.length + 4, text });
      isDue = null;
    } else if (mark.event) {
      moments.push({ at, by: mark.by, event: mark.event === "vanished" ? "gives up" : mark.event });
    } else if (mark.octets) {
      const moment = { at, by: mark.by, octets: mark.octets, text: mark.status ? `HTTP/1.1 ${mark.status} ` : "", writes: mark.times ?? 1, until: mark.until ? mark.until - opened : 0 };
      if (moment.octets === 1) moment.text = "•";
      moments.push(moment);
      if (mark.by === "client") isDue = moment;
    }
  }
  return moments;
}

function headOf({ method, target, fields }) {
  return [`${method} ${target} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\n");
}

const OURS = /^(host|content-length|connection|accept-encoding|transfer-encoding)$/i;

function asCurl(connection, { method, target, fields }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const host = fields.find(([name]) => name.toLowerCase() === "host")?.[1] ?? `${location.hostname}:${portOf(connection)}`;
  const lines = fields.filter(([name]) => !OURS.test(name)).map(([name, value]) => ` \\\n  -H ${quoted(`${name}: ${value}`)}`);
  return `curl -sS -X ${method}${lines.join("")} \\\n  ${quoted(`http://${host}${target}`)}`;
}
