// Attempts over time for each call: backoff at a glance.
import { seconds } from "../format.js";
import { html } from "../lib.js";
import { callsOf, lawOf, pausesOf } from "./attempts.js";

const [LEFT, RIGHT] = [2, 96]; // per cent
const ROW = 84;
const MOST_CALLS = 6;
const FEW = 7; // pauses that are named one by one
const NEAREST = 0.9; // per cent between two marks; attempts that are closer share one

export function Retries({ connections }) {
  const calls = callsOf(connections).filter(({ attempts }) => attempts.length > 1).slice(0, MOST_CALLS);
  return html`<section aria-labelledby="rp"><h2 id="rp">Attempts per key</h2>
    ${calls.length ? html`<${Plot} calls=${calls} />` : html`<p class="hint">No client has sent a request again yet. The mode <a href="#/modes/retries">retries</a> fails until it is asked often enough.</p>`}
    <p class="key"><i class="k at-no"></i>refused or failed <i class="k at-ok"></i>answered with success. A row starts with its first attempt.</p></section>`;
}

function Plot({ calls }) {
  const longest = Math.max(...calls.map(({ attempts }) => attempts.at(-1).at - attempts[0].at), 0.1);
  const unit = unitOf(longest);
  const total = Math.ceil(longest / unit) * unit;
  const x = (at) => LEFT + ((RIGHT - LEFT) * at) / total;
  const height = 24 + calls.length * ROW;
  const ticks = Array.from({ length: Math.round(total / unit) + 1 }, (_, index) => index * unit);
  return html`<svg class="seq" width="100%" height=${height} role="img" aria-label=${sentence(calls)}>
    ${ticks.map((tick) => html`<line x1="${x(tick)}%" x2="${x(tick)}%" y1="16" y2=${height} class="grat" /><text x="${x(tick)}%" y="11" text-anchor="middle" class="t-axis">${tickText(tick)}</text>`)}
    ${calls.map((call, index) => html`<${Call} call=${call} x=${x} y=${58 + index * ROW} />`)}
  </svg>`;
}

const UNITS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600];
const tickText = (tick) => (tick < 1 && tick > 0 ? `${Math.round(tick * 1000)} ms` : `${Number(tick.toFixed(1))} s`);
const unitOf = (longest) => UNITS.find((unit) => longest / unit <= 6) ?? 3600;

function Call({ call, x, y }) {
  const { attempts, key, client } = call;
  const began = attempts[0].at;
  const last = attempts.at(-1);
  const pauses = pausesOf(call);
  const name = key.length > 40 ? `${key.slice(0, 39)}…` : key;
  const isStorm = lawOf(pauses)?.kind === "none";
  return html`<g><text x="0" y=${y - 18} class="t-key">${name}<tspan class="t-axis" dx="8">${client}</tspan></text>
    <line x1="${LEFT}%" x2="${RIGHT}%" y1=${y} y2=${y} class="cx" />
    ${joined(attempts, (at) => x(at - began)).map(({ place, isGood, id, number }) => html`<svg x="${place}%" y=${y} overflow="visible">
      ${isGood ? html`<circle r="5" class="at-ok" />` : html`<rect x="-4" y="-4" width="8" height="8" class="at-no" />`}<title>c-${id}${number > 1 ? ` and ${number - 1} more` : ""}</title></svg>`)}
    ${last.status > 0 && html`<text x="${x(last.at - began)}%" y=${y - 10} text-anchor="middle" class="t-axis">${last.status}</text>`}
    ${!isStorm && pauses.length <= FEW && pauses.map((pause, index) => {
      const [from, to] = [x(attempts[index].at - began), x(attempts[index + 1].at - began)];
      return html`<line x1="${from}%" x2="${to}%" y1=${y + 15} y2=${y + 15} class="gap" />${to - from > 5 && html`<text x="${(from + to) / 2}%" y=${y + 28} text-anchor="middle" class="t-axis">${seconds(pause)}</text>`}`;
    })}
    ${isStorm && html`<text x="${LEFT}%" y=${y + 20} class="t-axis tr">${attempts.length} attempts in ${seconds(last.at - began)}, without a pause</text>`}</g>`;
}

// Marks for attempts: one stands for those with the same end that are too close to be told apart.
function joined(attempts, placeOf) {
  const marks = [];
  for (const { at, isGood, id } of attempts) {
    const place = placeOf(at);
    const before = marks.at(-1);
    if (before && before.isGood === isGood && place - before.place < NEAREST) before.number += 1;
    else marks.push({ place, isGood, id, number: 1 });
  }
  return marks;
}

function sentence(calls) {
  return `Attempts over time. ${calls.map(({ key, client, attempts }) => `${key} by ${client}: ${attempts.length} attempts`).join(". ")}.`;
}
