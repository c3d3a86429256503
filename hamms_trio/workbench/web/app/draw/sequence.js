// The message sequence of one connection: client left, server right, time downwards. x in per cent, y in pixels.
import { seconds } from "../format.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { place } from "./layout.js";
import { readMoments } from "./wire.js";

const LEFT = 24;
const RIGHT = 88;
const NEAR = 0.7; // per cent between a lane and an arrow's end
const MIDDLE = (LEFT + RIGHT) / 2;
const CHARACTER = 7.3; // pixels of one in a label
const USUAL = 560; // pixels of a drawing that is not laid out yet

export function Sequence({ moments, name, origin = 0 }) {
  const [drawing, width] = useWidth();
  const most = Math.floor((width * (RIGHT - LEFT - 3)) / 100 / CHARACTER); // characters of a label
  const read = readMoments(moments);
  const { rows, gaps, height } = place(read);
  const ends = { client: height - 14, server: height - 14 };
  const last = closing(rows, ends);
  return html`<svg ref=${drawing} class="seq" width="100%" height=${height} role="img" aria-label=${sentence(name, read)}>
    <text x="${LEFT}%" y="14" text-anchor="middle" class="t-lane tc">client</text>
    <text x="${RIGHT}%" y="14" text-anchor="middle" class="t-lane ts">server</text>
    <text x="0" y="14" class="t-axis">seconds</text>
    ${lanes(gaps, ends)}${hollow(rows, ends)}
    ${gaps.map((gap, index) => html`<${Silence} gap=${gap} isFirst=${index === 0} />`)}
    ${rows.map((row, index) => html`<${Row} row=${row} origin=${origin} before=${rows[index - 1]} most=${most} />`)}
    ${last.map((mark) => html`<${End} ...${mark} />`)}
  </svg>`;
}

// The width of the drawing in pixels, as it is laid out.
function useWidth() {
  const drawing = useRef(null);
  const [width, setWidth] = useState(USUAL);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width || USUAL));
    watcher.observe(drawing.current);
    return () => watcher.disconnect();
  }, []);
  return [drawing, width];
}

// Where each lane ends, and with which mark.
function closing(rows, ends) {
  const marks = [];
  for (const { kind, by, y } of rows) {
    if (kind === "rst") {
      ends.client = y + 6;
      ends.server = y;
      return [{ side: "client", y: y + 6, how: "cross" }, { side: "server", y, how: "cross" }];
    }
    if (kind === "fin") {
      ends[by] = y + 5;
      marks.push({ side: by, y: y + 5, how: "cap" });
    }
    if (kind === "up") {
      ends.client = y;
      marks.push({ side: "client", y, how: "flag" });
    }
  }
  return marks;
}

function lanes(gaps, ends) {
  const lines = [html`<line x1="${LEFT}%" x2="${LEFT}%" y1="22" y2=${ends.client} class="lane lc" />`];
  let from = 22;
  for (const gap of gaps) {
    if (gap.from > ends.server) break;
    if (gap.isClients) continue;
    lines.push(html`<line x1="${RIGHT}%" x2="${RIGHT}%" y1=${from} y2=${gap.from} class="lane ls" />`);
    from = Math.min(gap.to, ends.server);
    lines.push(html`<line x1="${RIGHT}%" x2="${RIGHT}%" y1=${gap.from} y2=${from} class="lane ls sil" />`);
  }
  if (from < ends.server) lines.push(html`<line x1="${RIGHT}%" x2="${RIGHT}%" y1=${from} y2=${ends.server} class="lane ls" />`);
  return lines;
}

// Double lanes, from the first encrypted record on.
function hollow(rows, ends) {
  const first = rows.find(({ event = "" }) => /encrypted|Finished|ApplicationData/.test(event));
  if (!first) return null;
  const from = first.y + 6;
  return html`<line x1="${LEFT}%" x2="${RIGHT}%" y1=${from} y2=${from} class="hs" />
    ${[[LEFT, "lc", ends.client], [RIGHT, "ls", ends.server]].filter(([, , end]) => end > from).map(([x, colour, end]) => html`<line x1="${x}%" x2="${x}%" y1=${from} y2=${end} class="lane ${colour} coat" /><line x1="${x}%" x2="${x}%" y1=${from} y2=${end} class="lane core" />`)}`;
}

function Silence({ gap: { from, to, seconds: length, isCut, isClients, isTight }, isFirst }) {
  const middle = (from + to) / 2;
  if (isCut) {
    return html`<g>
      <svg x="0%" y=${middle} overflow="visible"><path d="M0 -4h10l4 -5 6 10 4 -5h12" class="axb" /></svg>
      <text x="${MIDDLE}%" y=${middle + 4} text-anchor="middle" class="t-note">${seconds(length)}${isClients ? "" : " of silence"}, left out</text>
    </g>`;
  }
  if (to - from < (isTight ? 20 : 30)) return null;
  if (isClients) return html`<text x="${LEFT + 2}%" y=${middle + 4} class="t-note">${seconds(length)} later</text>`;
  const half = Math.max(6, (to - from) / 2 - 2);
  return html`<g>
    <svg x="${MIDDLE}%" y=${middle} overflow="visible"><path d="M-1 ${-half}V${half}M-6 ${-half}H4M-6 ${half}H4" class="brk" /></svg>
    <text x="${MIDDLE + 2}%" y=${middle + 4} class="t-note wide">${isFirst ? "silence, " : ""}${seconds(length)}</text>
    <text x="${MIDDLE + 2}%" y=${middle + 4} class="t-note narrow">${seconds(length)}</text>
  </g>`;
}

function Row({ row, origin, before, most }) {
  const { y, at, kind } = row;
  const isNew = !before || time(before.at - origin) !== time(at - origin);
  return html`<g>
    ${isNew && html`<line x1="0" x2="100%" y1=${y} y2=${y} class="grat" />
      <text x="0" y=${y - 4} class="t-axis ${kind === "up" ? "t-now" : ""}">${time(at - origin)}</text>`}
    ${kind === "up" ? html`<${Leaves} y=${y} at=${at - origin} />` : html`<${Arrow} row=${row} most=${most} />`}
    ${row.body && html`<${Body} y=${y + 18} body=${row.body} />`}
  </g>`;
}

function time(at) {
  return Math.max(0, at).toFixed(3);
}

function Arrow({ row: { y, by, kind, label, short }, most }) {
  const toServer = by === "client";
  const [from, to] = toServer ? [LEFT + NEAR, RIGHT - NEAR] : [RIGHT - NEAR, LEFT + NEAR];
  const thin = kind === "octet" || kind === "syn" || kind === "event";
  const colour = toServer ? "mc" : "ms";
  const marker = { fin: toServer ? "f-c" : "f-s", rst: "x-r", alert: "x-r" }[kind] ?? (toServer ? "a-c" : "a-s");
  const style = kind === "rst" || kind === "alert" ? "ms rst" : `${colour} ${thin ? "thin" : ""}`;
  const text = kind === "rst" || kind === "alert" ? "tr" : toServer ? "tc" : "ts";
  return html`<g>
    <line x1="${from}%" y1=${y} x2="${to}%" y2=${y + 5} class="m ${style}" marker-end="url(#${marker})" />
    ${kind === "octet"
      ? html`<svg x="${MIDDLE}%" y=${y + 2} overflow="visible"><rect x=${-5 - 4 * label.length} y="-9" width=${10 + 8 * label.length} height="18" class="oct ${toServer ? "c" : ""}" />
          <text y="4" text-anchor="middle" class="t-oct">${label === " " ? "␣" : label}</text></svg>`
      : html`<text x="${MIDDLE}%" y=${y - 5} text-anchor="middle" class="t-m ${text}">${fitting(label, short, most)}</text>`}
  </g>`;
}

function Leaves({ y, at }) {
  return html`<g>
    <line x1="${LEFT + NEAR}%" y1=${y} x2="${RIGHT - NEAR}%" y2=${y + 5} class="m mc" marker-end="url(#f-c)" />
    <text x="72%" y=${y - 4} text-anchor="middle" class="t-m tc">FIN</text>
    <text x="${LEFT + 2.5}%" y=${y + 22} class="t-note wide">gives up after ${seconds(at)}</text>
    <text x="${LEFT + 2.5}%" y=${y + 22} class="t-note narrow">gives up</text>
  </g>`;
}

// A body whose announced length is not the one that came: hatched is what never came.
function Body({ y, body: { announced, came } }) {
  const [x, width] = [LEFT + 5, RIGHT - LEFT - 10];
  const share = Math.max(0.015, Math.min(1, came / announced));
  const got = announced > came ? width * share : width;
  const missing = announced - came;
  return html`<g>
    <rect x="${x}%" y=${y} width="${width}%" height="12" class="g-all" />
    <rect x="${x + width - got}%" y=${y} width="${got}%" height="12" class="g-got" />
    <text x="${MIDDLE}%" y=${y + 26} text-anchor="middle">${missing > 0
      ? html`<tspan class="wide">${came} octets arrive, </tspan><tspan class="tr">${missing} never do</tspan>`
      : html`${announced} announced, <tspan class="tr">${-missing} more come</tspan>`}</text>
  </g>`;
}

function End({ side, y, how }) {
  const x = side === "client" ? LEFT : RIGHT;
  const colour = side === "client" ? "sc" : "ss";
  const marks = {
    cross: html`<path d="m-6 -6 12 12M6 -6-6 6" class="sr" />`,
    cap: html`<path d="M-8 0H8" class="cap ${colour}" />`,
    flag: html`<g><path d="M-8 0H8" class="cap ${colour}" /><path d="M0 0V-20L-16 -14.5 0 -9" class="flag ${colour}" /></g>`,
  };
  return html`<svg x="${x}%" y=${y} overflow="visible">${marks[how]}</svg>`;
}

// The long form of a label where there is room for most of it, else the short one.
function fitting(label, short, most) {
  return label.length <= most || most >= 44 ? cut(label, most) : cut(short, most);
}

function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// One sentence that says what the drawing shows.
export function sentence(name, moments) {
  const parts = moments.slice(0, 12).map(({ by, kind, label, at }) => {
    if (kind === "up") return `the client gives up after ${seconds(at)}`;
    if (kind === "fin") return `the ${by} closes with FIN`;
    if (kind === "rst") return `the ${by} resets the connection`;
    if (kind === "alert") return `the ${by} ends it by ${label}`;
    return `the ${by} sends ${label}`;
  });
  const more = moments.length > 12 ? `; and ${moments.length - 12} more` : "";
  return `${name}: ${parts.join("; ")}${more}.`;
}

// The transcript in lines of text, for readers who prefer it and for copying.
export function asText(moments) {
  return readMoments(moments)
    .map(({ at, by, label, text, octets, kind }) => {
      const arrow = by === "client" ? ">" : "<";
      const said = text && kind !== "more" ? JSON.stringify(text) : label;
      const cutNote = text && octets > text.length ? ` … ${octets} octets` : "";
      return `${at.toFixed(3).padStart(8)}  ${arrow} ${said}${cutNote}`;
    })
    .join("\n");
}
