// Conversations: which client talks to which port, or the workbench to which target, and what came of it.
import { clock, count, size } from "../format.js";
import { html } from "../lib.js";
import { link } from "../router.js";
import { connections } from "./connections.js";
import { portOf } from "./filter.js";
import { clientOf, endOf } from "./model.js";

const MOST = 40;
const BAD = new Set(["gave-up", "reset", "rst", "vanished"]);

// Rows, the newest first: {from, to, mode, connections, requests, received, sent, bad, newest}.
export function conversationsOf(all, log) {
  const found = new Map();
  const rowOf = (from, to, mode) => {
    const id = `${from}\n${to}\n${mode}`;
    if (!found.has(id)) found.set(id, { id, from, to, mode, connections: 0, requests: 0, received: 0, sent: 0, bad: 0, newest: 0 });
    return found.get(id);
  };
  for (const connection of all) {
    const row = rowOf(clientOf(connection), portOf(connection) || connection.door, connection.mode || connection.door);
    row.connections += 1;
    row.requests += connection.asked;
    row.received += connection.received;
    row.sent += connection.sent;
    row.bad += BAD.has(endOf(connection)[0]) || connection.requests.some(({ status }) => status >= 500);
    row.newest = Math.max(row.newest, connection.newest);
  }
  for (const { type, at, payload } of log) {
    if (type !== "proxy.request.completed") continue;
    const row = rowOf("the workbench", "target", payload.target_id);
    row.requests += 1;
    row.bad += payload.status >= 500;
    row.newest = Math.max(row.newest, at);
  }
  return [...found.values()].sort((a, b) => b.newest - a.newest);
}

export function Conversations({ meant }) {
  const rows = conversationsOf(meant, connections.log);
  if (!rows.length) return null;
  return html`<section aria-labelledby="cv"><header class="bar"><h2 id="cv">Conversations <span class="n">${count(rows.length)}</span></h2>
      <p class="rate">of the connections above${rows.length > MOST ? `; the newest ${MOST}` : ""}</p></header>
    <div class="tablebox"><table class="fixed talks"><thead><tr><th scope="col" class="name">from</th><th scope="col">to</th><th scope="col" class="num few opt">opened</th><th scope="col" class="num word">requests</th><th scope="col" class="num word opt">in</th><th scope="col" class="num word opt">out</th><th scope="col" class="num few">bad</th><th scope="col" class="at opt">last</th></tr></thead>
      <tbody>${rows.slice(0, MOST).map((row) => html`<tr key=${row.id}><th scope="row" title=${row.from}>${row.from}</th><td><span class="n">${row.to}</span> ${modeOf(row)}</td>
        <td class="num opt">${row.connections ? count(row.connections) : ""}</td><td class="num">${count(row.requests)}</td><td class="num opt">${size(row.received)}</td><td class="num opt">${size(row.sent)}</td>
        <td class="num ${row.bad ? "s5" : ""}">${count(row.bad)}</td><td class="n opt">${clock(row.newest, 0)}</td></tr>`)}</tbody></table></div>
    <p class="key">in and out are octets as the server sees them. Bad: the client gave up or vanished, there was a reset, or the workbench or a target answered 5xx.</p></section>`;
}

function modeOf({ to, mode }) {
  return to === "target" || mode === "workbench" ? mode : html`<a href=${link("modes", mode)}>${mode}</a>`;
}
