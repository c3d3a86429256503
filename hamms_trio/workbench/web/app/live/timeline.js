// The timeline: lanes that glide while the reader follows, and stand still while the reader holds them.
import { count } from "../format.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { everyFrame } from "../pace.js";
import { Glyph } from "../parts/marks.js";
import { go, link } from "../router.js";
import { connections, version } from "./connections.js";
import { claim } from "./detail.js";
import { lanesOf } from "./lanes.js";
import { at, heightOf, paint, partsOf, readColours } from "./paint.js";

const EVERY = 250; // milliseconds between two looks at which lanes there are
const SHORTEST = 1 / 30; // seconds between two paintings of a lane that stands still, whatever arrives
const REDUCED = 1; // seconds between two paintings for those who asked for less motion

export function Timeline({ seconds, isHeld, isMeant, selected }) {
  const [now, setNow] = useState(Date.now() / 1000);
  useEffect(() => {
    if (isHeld) return undefined;
    const timer = setInterval(() => setNow(Date.now() / 1000), EVERY);
    return () => clearInterval(timer);
  }, [isHeld]);
  if (isHeld) version.value; // shows nothing newer, but a reset or an end of what is shown
  const { lanes, others } = lanesOf(connections.byId.values(), { from: now - seconds, to: now, isMeant });
  return html`<section class="tl" aria-label="Timeline">
    <${Axis} seconds=${seconds} isHeld=${isHeld} />
    <ol class="lanes">${lanes.map((lane) => html`<${Lane} key=${lane.name} lane=${lane} seconds=${seconds} heldAt=${isHeld ? now : 0} selected=${selected} />`)}</ol>
    ${!lanes.length && html`<p class="hint quiet">${connections.byId.size ? "Nothing in this window, or nothing that the filter means." : "Nothing yet."}</p>`}
    ${others > 0 && html`<p class="hint">${count(others)} more clients; a filter shows them.</p>`}
    <${Key} />
  </section>`;
}

function Axis({ seconds, isHeld }) {
  const unit = seconds >= 120 ? [60, "min"] : [1, "s"];
  const parts = partsOf(seconds);
  const labels = Array.from({ length: parts }, (_, index) => ({ x: (index / parts) * 100, text: `-${(seconds * (parts - index)) / parts / unit[0]} ${unit[1]}` }));
  return html`<div class="axis"><span></span><svg width="100%" height="16" aria-hidden="true">
    ${labels.map(({ x, text }, index) => html`<text x="${x}%" y="12" class="t-axis ${index % 2 ? "wide" : ""}" dx=${index ? 0 : 3} text-anchor=${index ? "middle" : "start"}>${text}</text>`)}
    <text x="100%" y="12" text-anchor="end" class="t-axis t-now">${isHeld ? "held" : "now"}</text>
  </svg></div>`;
}

function Lane({ lane, seconds, heldAt, selected }) {
  const canvas = useRef(null);
  const shown = useRef(lane);
  shown.current = lane;
  const isOn = lane.all.some(({ id }) => id === selected);
  const width = useWidth(canvas);
  useEffect(() => {
    const isReduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let painted = { to: 0, lane: null, taken: 0 };
    const draw = (isForced) => {
      if (!canvas.current) return;
      const to = heldAt || Date.now() / 1000;
      const passed = to - painted.to;
      const pixel = seconds / Math.max(1, width) / (devicePixelRatio || 1);
      const isNew = painted.lane !== shown.current || (painted.taken !== connections.taken && newestOf(shown.current) > painted.newest);
      const isDue = isReduced && !heldAt ? passed >= REDUCED : passed >= pixel / 2 || (isNew && (heldAt || passed >= SHORTEST));
      if (!isDue && isForced !== true) return;
      paint(canvas.current, shown.current, { from: to - seconds, to, gaps: connections.gaps, selected, width });
      painted = { to, lane: shown.current, taken: connections.taken, newest: newestOf(shown.current) };
    };
    const stop = everyFrame(draw);
    const onTheme = () => {
      readColours();
      draw(true);
    };
    addEventListener("hamms-theme", onTheme);
    return () => {
      stop();
      removeEventListener("hamms-theme", onTheme);
    };
  }, [seconds, heldAt, selected, width]);
  const under = ({ offsetX: px, offsetY: py }) => {
    const to = heldAt || Date.now() / 1000;
    return at(shown.current, { px, py, width, from: to - seconds, to });
  };
  const choose = (event) => {
    const found = under(event);
    if (found) go(link("live", "c", String(found.id)));
  };
  const tell = (event) => {
    const found = under(event);
    canvas.current.title = found ? `c-${found.id}: ${claim(found)}` : "";
  };
  const latest = lane.all.reduce((best, each) => (each.newest > best.newest ? each : best));
  return html`<li class="lane ${isOn ? "on" : ""}">
    <div class="who-l"><a href=${link("live", "c", String(latest.id))}><b>${lane.name}</b></a><span>${lane.doors}</span><span class="r">${lane.outcome}</span></div>
    <canvas ref=${canvas} class="strip-c" style=${{ height: `${heightOf(lane)}px` }} onClick=${choose} onMouseMove=${tell} role="img"
      aria-label="${lane.name}: ${lane.all.length} connections, ${lane.outcome}"></canvas>
  </li>`;
}

function newestOf({ all }) {
  let newest = 0;
  for (const connection of all) if (connection.newest > newest) newest = connection.newest;
  return newest;
}

// The width of an element, known without asking for it: reading it in a frame would lay the page out once more.
function useWidth(element) {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    watcher.observe(element.current);
    return () => watcher.disconnect();
  }, []);
  return width;
}

function Key() {
  return html`<p class="key"><${Glyph} name="w-open" kind="wc" />connects <i class="k rq"></i>octets of the client <i class="k rs"></i>of the server
    <${Glyph} name="w-drip" kind="ws" />octet by octet <${Glyph} name="w-sil" kind="ws" />silence <${Glyph} name="w-up" kind="wc" />gives up
    <${Glyph} name="w-fin" kind="wc" />FIN <${Glyph} name="w-rst" kind="wr" />RST</p>`;
}
