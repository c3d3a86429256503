// Time series by uPlot, in ink: solid, dashed and dotted tell the lines apart, and colour does not.
import { html, useEffect, useRef } from "../lib.js";
import uPlot from "../../vendor/uplot.mjs";

const DASHES = [[], [5, 3], [2, 3], [8, 3, 2, 3]];
const WIDTHS = [2, 1.5, 1.25, 1.25];

function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// `columns` are times and then one list for each label; `bands` are [from, to] in seconds.
export function Series({ columns, labels, unit, isLog = false, height = 140, bands = [], name, range }) {
  const box = useRef(null);
  const plot = useRef(null);
  const shownBands = useRef(bands);
  shownBands.current = bands;
  const shownRange = useRef(range);
  shownRange.current = range;
  const build = () => {
    if (!box.current) return;
    plot.current?.destroy();
    plot.current = new uPlot(options({ labels, unit, isLog, height, width: box.current.clientWidth, shownBands, shownRange }), columns, box.current);
  };
  useEffect(() => {
    build();
    const watcher = new ResizeObserver(([entry]) => plot.current?.setSize({ width: entry.contentRect.width, height }));
    watcher.observe(box.current);
    addEventListener("hamms-theme", build);
    return () => {
      watcher.disconnect();
      removeEventListener("hamms-theme", build);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [labels.join(), unit, isLog, height]);
  useEffect(() => {
    plot.current?.setData(columns);
  }, [columns]);
  return html`<div class="series" ref=${box} role="img" aria-label=${name}></div>`;
}

// One line for each power of ten.
function decades(_, __, least, most) {
  const first = Math.ceil(Math.log10(least) - 1e-9);
  const last = Math.floor(Math.log10(most) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 10 ** (first + index));
}

const two = (number) => String(number).padStart(2, "0");

// Times of day, and days where a tick is at midnight.
function times(_, ticks) {
  return ticks.map((tick) => {
    const at = new Date(tick * 1000);
    const isDay = at.getHours() === 0 && at.getMinutes() === 0;
    return isDay ? `${two(at.getDate())}.${two(at.getMonth() + 1)}.` : `${two(at.getHours())}:${two(at.getMinutes())}`;
  });
}

function options({ labels, unit, isLog, height, width, shownBands, shownRange }) {
  const ink = colour("--ink");
  const axis = { stroke: colour("--ink-2"), grid: { stroke: colour("--grat"), width: 1 }, ticks: { show: false }, font: "11px monospace" };
  const wash = colour("--sev-1-wash");
  return {
    width, height, legend: { show: false }, cursor: { show: false }, padding: [8, 8, 0, 0],
    scales: { x: { range: (_, least, most) => shownRange.current ?? [least, Math.max(most, least + 60)] }, y: isLog ? { distr: 3, range: (_, least, most) => [10 ** Math.floor(Math.log10(Math.min(1, Math.max(0.01, least || 1)))), Math.max(10, (most || 10) * 1.3)] } : { range: (_, least, most) => [0, Math.max(1, (most || 1) * 1.15)] } },
    axes: [{ ...axis, size: 26, space: 60, values: times }, { ...axis, size: 62, ...(isLog ? { splits: decades } : {}), values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : `${tick} ${unit}`)) }],
    series: [{}, ...labels.map((label, index) => ({ label, stroke: ink, width: WIDTHS[index % 4], dash: DASHES[index % 4], spanGaps: true, points: { show: false } }))],
    hooks: { drawClear: [(chart) => drawBands(chart, shownBands.current, wash)] },
  };
}

function drawBands(chart, bands, wash) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.fillStyle = wash;
  for (const [from, to] of bands) {
    const left = Math.max(bbox.left, chart.valToPos(from, "x", true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos(to, "x", true));
    if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}
