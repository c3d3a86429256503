// The matrix: rows of one height, of which those in view are drawn; one tab stop, and the arrow keys from there.
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { Glyph } from "../parts/marks.js";
import { go, link } from "../router.js";
import { scoreOf } from "./reports.js";

const ROW = 28;
const AROUND = 20;
const FEW = 12; // clients beside whose cells the worst finding has room in words

export function MatrixTable({ columns, groups, chosen, compares }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const [folded, setFolded] = useState(() => new Set());
  const [focus, setFocus] = useState([0, 0]); // of the one tab stop: row and column among the modes
  const lines = useMemo(() => linesOf(groups, folded), [groups, folded]);
  const height = 900;
  const first = Math.max(0, Math.floor(top / ROW) - AROUND);
  const last = Math.min(lines.length, Math.ceil((top + height) / ROW) + AROUND);
  const modes = lines.filter(({ row }) => row);
  const fold = (family) => {
    const next = new Set(folded);
    if (!next.delete(family)) next.add(family);
    setFolded(next);
  };
  const move = (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Home" && modes[focus[0]]) go(link("modes", modes[focus[0]].row.slug));
    if (!steps) return;
    event.preventDefault();
    const next = [bounded(focus[0] + steps[0], modes.length), bounded(focus[1] + steps[1], columns.length)];
    setFocus(next);
    const index = lines.indexOf(modes[next[0]]);
    const { scrollTop, clientHeight } = box.current;
    if (index * ROW < scrollTop || (index + 6) * ROW > scrollTop + clientHeight) box.current.scrollTop = Math.max(0, (index - 5) * ROW);
    requestAnimationFrame(() => box.current?.querySelector('[data-stop="here"]')?.focus());
  };
  useEffect(() => setFocus([0, 0]), [groups.length]);
  return html`<div class="mxbox" ref=${box} onScroll=${(event) => setTop(event.target.scrollTop)}><table class="matrix" role="grid" aria-rowcount=${lines.length + 2} aria-label="Modes by clients" onKeyDown=${move}>
    <thead><tr role="row" aria-rowindex="1"><th scope="col" class="corner">mode</th><th scope="col" class="num fails">fails</th>
      ${columns.map(({ id, title, version }) => html`<th key=${id} scope="col" class="col"><span><b>${title}</b> <i>${version.slice(0, 24)}</i></span></th>`)}${columns.length <= FEW && html`<th scope="col" class="said">the worst finding</th>`}</tr></thead>
    <tbody>${first > 0 && html`<tr class="space" aria-hidden="true"><td style=${{ height: `${first * ROW}px` }}></td></tr>`}
      ${lines.slice(first, last).map((line, index) => line.row
        ? html`<${Row} key=${line.row.slug} row=${line.row} columns=${columns} chosen=${chosen} compares=${compares} index=${first + index + 2} stop=${modes[focus[0]] === line ? focus[1] : -1} />`
        : html`<${Family} key=${`family ${line.family}`} line=${line} columns=${columns} isFolded=${folded.has(line.family)} onFold=${() => fold(line.family)} />`)}
      ${last < lines.length && html`<tr class="space" aria-hidden="true"><td style=${{ height: `${(lines.length - last) * ROW}px` }}></td></tr>`}</tbody>
    <tfoot><tr><th scope="row">score, of 100</th><td class="fails"></td>${columns.map(({ id, report }) => html`<td key=${id} class="sc">${scoreOf(report) ?? ""}</td>`)}${columns.length <= FEW && html`<td class="said"></td>`}</tr></tfoot>
  </table></div>`;
}

const bounded = (value, number) => Math.max(0, Math.min(number - 1, value));

function linesOf(groups, folded) {
  return groups.flatMap(({ family, rows }) => [{ family, rows }, ...(folded.has(family) ? [] : rows.map((row) => ({ row })))]);
}

// A folded family shows its worst verdict for each client.
function Family({ line: { family, rows }, columns, isFolded, onFold }) {
  const head = html`<button type="button" class="plain" aria-expanded=${!isFolded} onClick=${onFold}>${isFolded ? "+" : "−"} ${family} <span class="n">${rows.length}</span></button>`;
  if (!isFolded) return html`<tr class="fam"><th scope="rowgroup" colspan=${columns.length + 3}><span>${head}</span></th></tr>`;
  return html`<tr class="folded"><th scope="row">${head}</th><td class="fails"></td>${columns.map((column, index) => {
    const worst = rows.map(({ cells }) => cells[index]).filter(Boolean).reduce((a, b) => (!a || b.rank > a.rank ? b : a), null);
    return html`<td key=${column.id} class="c ${worst?.kind.cell ?? "none"}">${worst && html`<span title="the worst of ${family}: ${worst.kind.word}"><${Glyph} name=${worst.kind.mark} kind="gx" /><span class="vh">${worst.kind.word}</span></span>`}</td>`;
  })}</tr>`;
}

function Row({ row: { slug, cells, fails }, columns, chosen, compares, index, stop }) {
  return html`<tr role="row" aria-rowindex=${index}><th scope="row" role="rowheader"><a href=${link("modes", slug)} tabindex="-1">${slug}</a></th><td class="num fails">${fails}</td>
    ${cells.map((cell, column) => html`<td key=${columns[column].id} role="gridcell" class="c ${cell?.kind.cell ?? "none"}">${cell && html`<${Cell} cell=${cell} slug=${slug} client=${columns[column]} isChosen=${chosen?.mode === slug && chosen?.client === columns[column].id} compares=${compares} isStop=${stop === column} />`}</td>`)}
    ${columns.length <= FEW && html`<td role="gridcell" class="said"><${Worst} cells=${cells} columns=${columns} /></td>`}</tr>`;
}

// The worst finding of a row in words, unless all is well.
function Worst({ cells, columns }) {
  const worst = cells.reduce((best, cell, column) => (cell?.rank > (best?.cell.rank ?? 0) ? { cell, column } : best), null);
  if (!worst) return null;
  const { entry } = worst.cell;
  return html`<span title=${entry.evidence}>${columns.length > 1 && html`<b>${columns[worst.column].title}</b> `}${entry.evidence || entry.class}</span>`;
}

function Cell({ cell: { entry, kind, change }, slug, client, isChosen, compares, isStop }) {
  const changed = compares && change ? (change > 0 ? ", worse than before" : ", better than before") : "";
  const name = `${slug}, ${client.title}: ${entry.verdict} ${entry.class}${entry.flaky ? ", flaky" : ""}${changed}`;
  return html`<a href=${link("matrix", slug, client.id)} title=${name} aria-label=${name} aria-current=${isChosen ? "true" : undefined} tabindex=${isStop ? 0 : -1} data-stop=${isStop ? "here" : undefined}>
    <${Glyph} name=${kind.mark} kind="gx" />${compares && change !== 0 && html`<span class="mk">${change > 0 ? "▲" : "▽"}</span>`}${entry.flaky && html`<span class="mk">~</span>`}</a>`;
}
