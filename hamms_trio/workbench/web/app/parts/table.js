// A table of any length, the newest row first: rows have one height, and only those in view are in the document. A row's
// node moves with its row, and is used again for another when the row leaves the view.
import { html, useEffect, useRef, useState } from "../lib.js";

const ROW = 28; // pixels, as --row
const AROUND = 20; // rows on each side of those in view

export function LongTable({ label, rows, heads, renderRow, className = "", height = 448, onEnd }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const waits = useRef(false);
  const first = Math.max(0, Math.floor(top / ROW) - AROUND);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + AROUND);
  const nodes = Math.ceil(height / ROW) + 2 * AROUND + 2; // more than are ever drawn
  useEffect(() => {
    if (onEnd && last >= rows.length) onEnd();
  }, [last, rows.length]);
  const scroll = (event) => {
    const { scrollTop } = event.target;
    if (waits.current) return;
    waits.current = true;
    requestAnimationFrame(() => {
      waits.current = false;
      setTop(box.current ? box.current.scrollTop : scrollTop);
    });
  };
  return html`<div class="tablebox long" ref=${box} onScroll=${scroll} tabindex="0" role="region" aria-label=${label}>
    <table class=${className} aria-rowcount=${rows.length + 1}>
      <thead><tr aria-rowindex="1">${heads.map(([text, kind]) => html`<th scope="col" class=${kind ?? ""}>${text}</th>`)}</tr></thead>
      <tbody>
        ${first > 0 && html`<tr class="space" aria-hidden="true"><td style=${{ height: `${first * ROW}px` }}></td></tr>`}
        ${rows.slice(first, last).map((row, index) => renderRow(row, first + index + 2, (rows.length - first - index) % nodes))}
        ${last < rows.length && html`<tr class="space" aria-hidden="true"><td style=${{ height: `${(rows.length - last) * ROW}px` }}></td></tr>`}
      </tbody>
    </table>
  </div>`;
}
