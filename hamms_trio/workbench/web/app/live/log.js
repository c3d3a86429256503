// All events, the newest first; the table holds the newest 10 000 and draws those in view.
import { clock, count, octets } from "../format.js";
import { html, useRef, useState } from "../lib.js";
import { Glyph } from "../parts/marks.js";
import { LongTable } from "../parts/table.js";
import { link } from "../router.js";
import { connections, version } from "./connections.js";
import { portOf } from "./filter.js";
import { clientOf } from "./model.js";

const MARKS = { opened: ["w-open", "wc"], left: ["w-fin", "wc"], ended: ["w-fin", "ws"], reset: ["w-rst", "wr"], sent: ["w-drip", "ws"], slept: ["w-sil", "ws"], struck: ["v-storm", "wr"] };
const FINE = new Set(["received", "sent", "slept", "content", "closed", "met", "played"].map((word) => `connection.${word}`));
const HEADS = [["time", "num at"], ["connection", "word"], ["client", "name"], ["event", "name"], ["port", "num few"], ["detail"]];

export function Log({ isMeant, isHeld, showsOctets, onOctets }) {
  version.value;
  const [upTo, setUpTo] = useState(null); // the event at the top while the reader looks at older ones
  const latest = useRef(0);
  latest.current = connections.log.at(-1)?.id ?? 0;
  const isShown = onceEach(isMeant);
  const all = connections.log.filter((entry) => (showsOctets || !(FINE.has(entry.type) || isToldTwice(entry))) && (!entry.connection || isShown(entry.connection)));
  const shown = (upTo === null ? all : all.filter(({ id }) => id <= upTo)).reverse();
  const newer = upTo === null ? 0 : all.length - shown.length;
  const hold = (event) => {
    const top = event.currentTarget.querySelector(".long")?.scrollTop ?? 0;
    if (top > 4 && upTo === null) setUpTo(latest.current);
    if (top <= 4 && upTo !== null && !isHeld) setUpTo(null);
  };
  return html`<section aria-labelledby="lg" onScrollCapture=${hold}><header class="bar"><h2 id="lg">Events <span class="n">${count(shown.length)}</span></h2>
      <label class="ck"><input type="checkbox" checked=${showsOctets} onChange=${(event) => onOctets(event.target.checked)} /> octets and pauses</label>
      ${newer > 0 && html`<button type="button" onClick=${() => setUpTo(null)}>${count(newer)} newer</button>`}
      <p class="rate">newest first${connections.dropped ? `; ${count(connections.dropped)} older ones were dropped` : ""}</p></header>
    ${shown.length ? html`<${LongTable} label="Events" rows=${shown} heads=${HEADS} className="log fixed" renderRow=${renderRow} />`
      : html`<p class="hint">No event yet, or none that the filter means.</p>`}</section>`;
}

// True for what a connection has told, too: that it answered.
function isToldTwice({ type, trace }) {
  return type === "request.completed" && connections.answers.has(trace);
}

// A test whose answer is kept, since many events belong to one connection.
function onceEach(test) {
  const known = new Map();
  return (each) => {
    let answer = known.get(each);
    if (answer === undefined) known.set(each, (answer = test(each)));
    return answer;
  };
}

function renderRow(entry, index, key) {
  const { id, type, at, connection } = entry;
  const word = type.replace(/^connection\./, "");
  const [glyph, kind] = MARKS[word] ?? ["v-info", "v-info"];
  return html`<tr key=${key} aria-rowindex=${index}>
    <td class="num">${clock(at)}</td>
    <td>${connection && html`<a href=${link("live", "c", String(connection.id))}>c-${connection.id}</a>`}</td>
    <td title=${connection ? connection.agent : undefined}>${connection ? clientOf(connection) : ""}</td>
    <td class="ic"><a href=${link("live", "e", String(id))} class="quiet"><${Glyph} name=${glyph} kind=${kind} />${word}</a></td>
    <td class="num">${connection ? portOf(connection) : ""}</td>
    <td>${detailOf(entry, word)}</td></tr>`;
}

function detailOf({ payload }, word) {
  if (payload.method) return `${payload.method} ${payload.target ?? payload.path}${payload.status ? ` ${payload.status}` : ""}${payload.latency_ms ? `, ${payload.latency_ms.toFixed(1)} ms` : ""}`;
  if (payload.octets !== undefined) return `${octets(payload.octets)}${payload.times > 1 ? ` in ${payload.times} pieces` : ""}`;
  if (word === "slept") return `${payload.seconds.toFixed(3)} s`;
  if (payload.how) return payload.how;
  if (word === "met" || word === "struck") return `${payload.mode}${payload.key && payload.key !== "default" ? `, key ${payload.key}` : ""}`;
  if (word === "opened") return payload.mode || payload.door;
  if (payload.connection) return payload.mode ?? "";
  return Object.entries(payload).filter(([, value]) => typeof value !== "object").map(([name, value]) => `${name} ${value}`).join(", ");
}
