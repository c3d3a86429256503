// One cell: what crossed the wire, what was expected, what came, and how to see it again.
import { Sequence } from "../draw/sequence.js";
import { count, octets, size } from "../format.js";
import { bySlug } from "../lab.js";
import { html, useEffect, useRef } from "../lib.js";
import { begin } from "../modes/list.js";
import { useTranscript } from "../modes/transcripts.js";
import { Code, Empty, Glyph, showDrawer, Source } from "../parts/marks.js";
import { go, link } from "../router.js";

export function CellDetail({ slug, column, entry, before, kind }) {
  const drawer = useRef(null);
  useEffect(() => showDrawer(drawer.current), [slug, column?.id]);
  return html`<aside class="drawer" ref=${drawer} aria-labelledby="ch"><header><h2 id="ch">${kind && html`<span class="cell ${kind.cell}"><${Glyph} name=${kind.mark} kind="gx" /></span>`} ${entry ? `${entry.verdict} ${entry.class}` : slug}</h2>
      <button type="button" class="plain" data-close="" aria-label="Close the detail" onClick=${() => go("#/matrix")}><${Glyph} name="i-x" kind="i" /></button></header>
    ${entry ? html`<${About} slug=${slug} column=${column} entry=${entry} before=${before} />`
      : html`<${Empty}><p><b>No open report has this cell.</b></p><p>Open the report of the client first.</p></${Empty}>`}</aside>`;
}

function About({ slug, column, entry, before }) {
  const known = bySlug.value.get(slug);
  const { told } = useTranscript(slug, Boolean(known));
  const { report } = column;
  return html`<p class="claim">${column.title} ${column.version.slice(0, 24)}: ${entry.evidence || entry.class} <a href=${link("modes", slug)}>${slug}</a></p>
    ${told && html`<${Sequence} moments=${told.moments} name=${slug} origin=${begin(told.moments)} />`}
    <dl class="res">${(entry.summary || known) && html`<dt>server</dt><dd>${entry.summary || known.summary}</dd>`}<dt>expected</dt><dd>${entry.expected || known?.client.meaning || "what the mode's documentation says"} ${known && html`<span class="lvl">${known.client.level}</span>`}</dd>
      <dt>got</dt><dd>${entry.evidence || entry.class}</dd>
      ${entry.octets > 0 && html`<dt>delivered</dt><dd class="n">${octets(entry.octets)}</dd>`}
      <dt>attempts</dt><dd class="n">${count(entry.attempts ?? 0)}</dd>
      ${typeof entry.ms === "number" && html`<dt>took</dt><dd class="n">${count(entry.ms)} ms</dd>`}
      ${typeof entry.rss === "number" && html`<dt>memory</dt><dd class="n">${size(entry.rss)}</dd>`}
      ${entry.fired === false && html`<dt>fault</dt><dd>was not played, so this says nothing</dd>`}
      ${entry.flaky && html`<dt>flaky</dt><dd>${(entry.runs ?? []).join(", ")}</dd>`}
      ${before && html`<dt>run before</dt><dd>${before.class === entry.class ? "the same" : `${before.verdict} ${before.class}`}</dd>`}
      <dt>code</dt><dd class="mono">${entry.code}</dd></dl>
    ${entry.wire && html`<h3>The beginning of what was sent</h3><pre tabindex="0"><code>${entry.wire}</code></pre>`}
    ${(entry.source || known) && html`<p><${Source} text=${entry.source || known.client.source} /></p>`}
    ${(entry.issues ?? []).length > 0 && html`<h3>Reported</h3><ul class="plainlist">${entry.issues.filter((issue) => /^https?:/.test(issue)).map((issue) => html`<li><a href=${issue} rel="noreferrer">${issue.replace("https://github.com/", "")}</a></li>`)}</ul>`}
    <h3>Reproduce</h3><${Code} text=${entry.reproduce || `hamms-trio check --seed ${report.seed} --suite ${slug} -- ${(report.client.argv ?? []).join(" ")}`} label="The command" />`;
}
