// The matrix of modes by clients, from the reports that the reader opens.
import { count } from "../format.js";
import { html, signal, useEffect, useMemo, useRef, useState } from "../lib.js";
import { Choice, Command, Confidence, Empty, Find, Glyph, Note } from "../parts/marks.js";
import { CellDetail } from "./cell.js";
import { RunCheck } from "./run.js";
import { columnsOf, familiesOf, open, reports, rowsOf, tally } from "./reports.js";
import { MatrixTable } from "./table.js";
import { kindOf, KINDS } from "./verdicts.js";

const words = signal("");
const show = signal("all");
const family = signal("all");
const compares = signal(true);
const kinds = signal(new Set(KINDS.map(({ cell }) => cell)));

export function MatrixView({ mode, client }) {
  const [problem, setProblem] = useState("");
  const [isOver, setIsOver] = useState(false);
  const take = async (files) => {
    setProblem("");
    for (const file of files) {
      try {
        open(await file.text(), file.name);
      } catch (error) {
        setProblem(error.message);
      }
    }
  };
  const drop = (event) => {
    event.preventDefault();
    setIsOver(false);
    take([...event.dataTransfer.files]);
  };
  const hover = (event) => {
    event.preventDefault();
    setIsOver(true);
  };
  useDropAnywhere(take);
  const columns = useMemo(() => columnsOf(reports.value), [reports.value]);
  return html`<div class="dropzone ${isOver ? "over" : ""}" onDragOver=${hover} onDragLeave=${() => setIsOver(false)} onDrop=${drop}>
    <header class="vhead"><h1>Matrix</h1><p class="lead">Modes by clients: the weight of a cell says how bad it is, the shape says which kind.</p></header>
    ${problem && html`<${Note} kind="err"><p><b>The file was not opened.</b></p><p>${problem}</p></${Note}>`}
    ${columns.length ? html`<${Filled} columns=${columns} mode=${mode} client=${client} take=${take} />` : html`<${Nothing} take=${take} mode=${mode} client=${client} />`}</div>`;
}

// Files that are dropped beside the table are taken, too, and never replace the page.
function useDropAnywhere(take) {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const stop = (event) => event.preventDefault();
    const drop = (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      latest.current([...event.dataTransfer.files]);
    };
    addEventListener("dragover", stop);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", stop);
      removeEventListener("drop", drop);
    };
  }, []);
}

function OpenButton({ take, label = "Open a report" }) {
  const input = useRef(null);
  return html`<button type="button" onClick=${() => input.current.click()}>${label}</button>
    <input ref=${input} type="file" class="vh" accept=".json,application/json" multiple tabindex="-1" aria-label="Reports as JSON files" onChange=${(event) => { take([...event.target.files]); event.target.value = ""; }} />`;
}

function Nothing({ take, mode, client }) {
  return html`${mode && html`<${Note}><p><b>${mode}, ${client}</b> is a cell of a report that is not open in this tab.</p></${Note}>`}
    <${Empty}><p><b>No client has been graded yet.</b></p><p>Drop a JSON report here. This makes one:</p><${Command} text="hamms-trio check --report json=report.json -- curl -sSf {url}" />
      <p><${OpenButton} take=${take} /></p></${Empty}><${RunCheck} />`;
}

function Filled({ columns, mode, client, take }) {
  const groups = useMemo(() => rowsOf(columns, { words: words.value, family: family.value, show: show.value, kinds: kinds.value }), [columns, words.value, family.value, show.value, kinds.value]);
  const column = columns.find(({ id }) => id === client);
  const entry = column?.report.modes[mode];
  const canCompare = columns.some(({ before }) => before);
  const shown = groups.reduce((sum, { rows }) => sum + rows.length, 0);
  return html`<div class="bar tools">
      ${canCompare && html`<${Choice} legend="runs" name="runs" value=${compares.value ? "both" : "last"} onChange=${(value) => (compares.value = value === "both")} options=${[["last", "the last"], ["both", "and the one before"]]} />`}
      <${Choice} legend="show" name="show" value=${show.value} onChange=${(value) => (show.value = value)} options=${[["all"], ["differ", "rows that differ"], ...(canCompare ? [["changed"]] : [])]} />
      <label class="sel">family <select value=${family.value} onChange=${(event) => (family.value = event.target.value)}><option value="all">all ${familiesOf(columns).length}</option>${familiesOf(columns).map((each) => html`<option>${each}</option>`)}</select></label>
      <${Find} value=${words.value} onInput=${(value) => (words.value = value)} label="Filter the matrix" placeholder="Mode, client or RFC section" />
      <${OpenButton} take=${take} /><button type="button" class="plain" onClick=${() => (reports.value = [])}>Close all</button></div>
    <${RunCheck} />
    <${Filters} columns=${columns} />
    <div class=${mode ? "mxgrid" : "mxgrid alone"}>
      <section class="mx" aria-label="Matrix of modes by clients">${shown ? html`<${MatrixTable} columns=${columns} groups=${groups} chosen=${{ mode, client }} compares=${compares.value} />` : html`<p class="hint">No mode is left by these filters.</p>`}
        <p class="key">${canCompare && compares.value && html`<span class="mk">▲</span> worse than in the run before <span class="mk">▽</span> better `}<span class="mk">~</span> flaky. An empty cell was not run. Arrow keys move, Enter opens, Home goes to the mode.</p></section>
      ${mode && html`<${CellDetail} slug=${mode} column=${column} entry=${entry} before=${column?.before?.modes[mode]} kind=${entry && kindOf(entry)} />`}
    </div>
    <${Clients} columns=${columns} />`;
}

function Filters({ columns }) {
  const counts = tally(columns);
  const toggle = (cell) => {
    const next = new Set(kinds.value);
    if (!next.delete(cell)) next.add(cell);
    kinds.value = next;
  };
  return html`<fieldset class="vfs"><legend>Verdicts</legend>${KINDS.filter(({ cell }) => counts.get(cell)).map(({ cell, mark, word }) => html`<label class="vf ${cell}"><input type="checkbox" checked=${kinds.value.has(cell)} onChange=${() => toggle(cell)} />
    <span class="cell ${cell}"><${Glyph} name=${mark} kind="gx" /></span><span>${word}</span><b class="n">${count(counts.get(cell))}</b></label>`)}</fieldset>`;
}

function Clients({ columns }) {
  return html`<section aria-labelledby="cl"><h2 id="cl">Clients</h2><div class="grid3">${columns.map(({ id, title, version, report, runs }) => html`<div key=${id}><h3>${title} ${version.slice(0, 40)}</h3>
    <p class="hint">seed ${report.seed}, ${Object.keys(report.modes).length} modes, ${runs.length === 1 ? "one run" : `${runs.length} runs`}, from ${report.file}</p>
    <p class="badges">${Object.entries(report.badges ?? {}).map(([name, earned]) => html`<span class="lvl"><${Glyph} name=${earned ? "v-pass" : "v-crash"} kind=${earned ? "v-pass" : "cf"} /> ${name}</span>`)}</p>
    <ul class="inf">${Object.entries(report.inferred ?? {}).map(([topic, { value, confidence, evidence }]) => html`<li><b>${topic}</b> ${String(value)}<span class="ev">${(evidence ?? []).join("; ").slice(0, 200)}</span><${Confidence} seen=${Math.max(1, Math.round((confidence ?? 0) * 3))} /></li>`)}</ul></div>`)}</div></section>`;
}
