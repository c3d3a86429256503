// The two-line trace of a table row: above the client, below the server, in 132 by 27 pixels.
import { html } from "../lib.js";

const [LEFT, RIGHT] = [2, 128];
const LEAST = 12; // pixels between two moments

export function Trace({ moments }) {
  if (!moments) return html`<svg class="trace" viewBox="0 0 132 27" aria-hidden="true" />`;
  const few = moments.length > 7 ? [...moments.slice(0, 6), moments.at(-1)] : moments;
  const xs = placed(few);
  const { client, server, marks } = lines(few, xs);
  return html`<svg class="trace" viewBox="0 0 132 27" aria-hidden="true">
    <path d=${client} class="kc" /><path d=${server.line} class="ks" />
    ${server.silence && html`<path d=${server.silence} class="ks ksil" />`}
    ${server.ghost && html`<path d=${server.ghost} class="kghost" />`}
    ${marks}
  </svg>`;
}

// Even steps, wider where time passes: the trace says what happens, not how long.
function placed(moments) {
  const weights = moments.map(({ at }, index) => {
    const span = index ? at - (moments[index - 1].until || moments[index - 1].at) : 0;
    return index ? LEAST + Math.min(40, 16 * Math.log10(1 + 4 * span)) : 8;
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0) + 14;
  const factor = Math.min(1, (RIGHT - LEFT) / total);
  let x = LEFT;
  return weights.map((weight) => (x += weight * factor));
}

function lines(moments, xs) {
  let client = `M${LEFT} 11`;
  let line = `M${LEFT} 24`;
  let silence = "";
  let ghost = "";
  const marks = [];
  let [clientEnd, serverEnd] = [null, null];
  moments.forEach((moment, index) => {
    const x = xs[index];
    const width = moment.octets === 1 ? 2 : 10;
    if (index && x - xs[index - 1] > 24 && moments[index - 1].octets !== undefined && !serverEnd) {
      const from = xs[index - 1] + 11;
      silence += `M${from} 24H${x - 1}`;
      line += `H${from}M${x - 1} 24`;
    }
    if (moment.octets && moment.by === "client") client += `H${x}V3H${x + width}V11`;
    if (moment.octets && moment.by === "server") line += `H${x}V16H${x + width}V24`;
    if (moment.event === "FIN" && moment.by === "client") {
      clientEnd = x;
      marks.push(html`<path d="M${x} 2V12.5" class="kc kend" />`);
    } else if (moment.event === "FIN") {
      serverEnd = x;
      line += `H${x}`;
      marks.push(html`<path d="M${x} 15V25.5" class="ks kend" />`);
    }
    if (moment.event === "RST") {
      [clientEnd, serverEnd] = [x, x];
      line += `H${x}`;
      marks.push(html`<path d="m${x - 1} 17 7 7m0-7-7 7" class="krst" />`);
    }
    if (isTls(moment)) {
      if (moment.by === "client") client += `H${x}V3H${x + 6}V11`;
      else line += `H${x}V16H${x + 6}V24`;
    }
    if (/^alert \d+ at level 2/.test(moment.event ?? "")) marks.push(html`<path d=${moment.by === "client" ? `m${x} 4 6 6m0-6-6 6` : `m${x} 17 6 6m0-6-6 6`} class="krst" />`);
    if (moment.event === "SYN") client += `H${x}V3H${x + 2}V11`;
    if (moment.event === "gives up") {
      clientEnd = x;
      marks.push(html`<path d="M${x} 12V3h7l-2 2.5 2 2.5h-7" class="kc" />`);
    }
  });
  const end = Math.min(RIGHT, (xs.at(-1) ?? LEFT) + 12);
  client += `H${clientEnd ?? end}`;
  if (serverEnd === null) line += `H${end}`;
  const short = missing(moments);
  if (short) ghost = `M${xs[short.index] + 11} 16.5h14v7h-14z`;
  return { client, server: { line, silence, ghost }, marks };
}

function isTls({ event }) {
  return Boolean(event) && !["FIN", "RST", "SYN", "gives up"].includes(event);
}

// The head whose announced length is more than all that came.
function missing(moments) {
  const index = moments.findIndex((moment) => /^HTTP\/[\d.]+ 2/.test(moment.text ?? ""));
  if (index < 0) return null;
  const length = /\r\ncontent-length:\s*(\d+)\r\n/i.exec(moments[index].text);
  const came = moments.reduce((sum, each) => sum + (each.by === "server" ? each.octets ?? 0 : 0), 0);
  return length && Number(length[1]) > came ? { index } : null;
}
