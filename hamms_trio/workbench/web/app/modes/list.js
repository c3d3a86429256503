// The first view: what this is, one mode that is played at once, and all others by family.
import { Sequence } from "../draw/sequence.js";
import { Trace } from "../draw/trace.js";
import { count } from "../format.js";
import { families, modes, problem } from "../lab.js";
import { html, signal, useEffect, useRef, useState } from "../lib.js";
import { Choice, Command, Empty, Expectation, Find, Glyph, Inline, Note } from "../parts/marks.js";
import { link, route, setQuery } from "../router.js";
import { attempt } from "./attempt.js";
import { addressOf } from "./doors.js";
import { about } from "./families.js";
import { Population } from "./outcomes.js";
import { found, nearest } from "./search.js";
import { transcript, useTranscript } from "./transcripts.js";

const EXAMPLE = "frame-cl-short-fin";
const words = signal("");
const outcome = signal("any");
const WHEN = { refuse: "never accepts", blackhole: "never answers", raw: "at connect", http1: "on request" };

export function ModesView() {
  useEffect(() => {
    words.value = route.value.query.get("q") ?? words.value;
    outcome.value = route.value.query.get("client") ?? outcome.value;
  }, []);
  const all = modes.value;
  if (all === null) return html`<section class="wait"><p>The failure modes are on their way.</p></section>`;
  if (!all.length) return html`<${Alone} />`;
  return html`<${First} all=${all} /><${Catalogue} all=${all} />`;
}

function Alone() {
  return html`<header class="vhead"><h1>Failure modes</h1></header>
    ${problem.value === "alone"
      ? html`<${Empty}><p><b>This workbench runs alone, without the lab.</b></p>
          <p>The same page beside all failure modes:</p><${Command} text="hamms-trio serve" /></${Empty}>`
      : html`<${Note} kind="err"><p><b>The failure modes can't be listed.</b></p><p>${problem.value}</p></${Note}>`}`;
}

function First({ all }) {
  const example = all.find((mode) => mode.slug === EXAMPLE) ?? all[0];
  const address = example.port ? addressOf("port", example, {}) : addressOf("path", example, {});
  return html`<section class="first">
    <div class="say">
      <h1>hamms-trio is a server whose every port misbehaves in one exact way, so that you can see what your client does about it.</h1>
      <p class="lead">Point a client at a port. The page shows what went over the wire, what a correct client owes, and what yours did.</p>
      <${Command} text="curl ${address}" />
      <ul class="fams" aria-label="Families">${[...families.value].map(([family, those]) => html`<li>
        <a href="#/modes?q=${family}-" title=${about(family)} onClick=${(event) => jump(event, family)}><b>${family}</b><span class="n">${those.length}</span></a></li>`)}</ul>
    </div>
    <${Example} mode=${example} />
  </section>`;
}

function jump(event, family) {
  event.preventDefault();
  words.value = "";
  outcome.value = "any";
  requestAnimationFrame(() => document.getElementById(`family-${family}`)?.scrollIntoView({ block: "start" }));
}

function Example({ mode }) {
  const { told } = useTranscript(mode.name);
  const [result, setResult] = useState(null);
  const run = (isQuiet) => attempt(mode, {}, { limit: 10, signal: new AbortController().signal, isQuiet }).then(setResult);
  useEffect(() => {
    run(true);
  }, [mode.name]);
  return html`<article class="scope" aria-labelledby="ex">
    <header><h2 id="ex"><span class="num">${mode.port}</span> <a href=${link("modes", mode.name)}>${mode.name}</a></h2>
      <p>${mode.summary}</p><button type="button" onClick=${() => run(false)}>Run again</button></header>
    ${told && html`<${Sequence} moments=${told.moments} name=${mode.name} origin=${begin(told.moments)} />`}
    <div class="verd">
      <p class="row"><${Expectation} outcome=${mode.client.outcome} /><b>a correct client</b><span>${mode.client.meaning}, ${mode.client.source}</span></p>
      <${Population} mode=${mode} />
      <p class="row" aria-live="polite"><${Glyph} name=${result?.mark ?? "v-na"} /><b>this browser</b><span>${result?.claim ?? "is asking"}</span></p>
    </div>
  </article>`;
}

// Time counts from the request, since connecting takes none in a transcript.
export function begin(moments) {
  return moments[0]?.at ?? 0;
}

function Catalogue({ all }) {
  const shown = found(all, words.value, outcome.value);
  const change = (name, kept) => (value) => {
    kept.value = value;
    setQuery({ q: words.value, client: outcome.value === "any" ? "" : outcome.value });
  };
  const open = () => {
    const wanted = words.value.trim().toLowerCase();
    const mode = shown.find(({ name, port }) => name === wanted || String(port) === wanted) ?? shown[0];
    if (wanted && mode) location.hash = link("modes", mode.name);
  };
  return html`<section class="modes" aria-labelledby="all">
    <header class="bar">
      <h2 id="all">Failure modes <span class="n">${shown.length === all.length ? count(all.length) : `${shown.length} of ${count(all.length)}`}</span></h2>
      <${Find} value=${words.value} onInput=${change("q", words)} onEnter=${open} label="Search the failure modes"
        placeholder="Search a slug, a port, an RFC section, a symptom" />
      <${Choice} legend="A correct client" name="outcome" value=${outcome.value} onChange=${change("client", outcome)}
        options=${[["any"], ...["error", "timeout", "exact", "retry", "policy"].map((each) => [each, html`<${Expectation} outcome=${each} />${each}`])]} />
    </header>
    ${shown.length ? html`<${Table} shown=${shown} />` : html`<${Nothing} all=${all} />`}
  </section>`;
}

function Nothing({ all }) {
  const near = nearest(all, words.value);
  const clear = () => {
    words.value = "";
    outcome.value = "any";
    setQuery({});
  };
  return html`<${Empty}><p><b>No mode matches “${words.value || outcome.value}”.</b></p>
    <p>${near && html`The nearest is <a href=${link("modes", near.name)}>${near.name}</a>. `}A search looks at slugs, ports, descriptions and RFC sections.</p>
    <button type="button" onClick=${clear}>Clear the search</button></${Empty}>`;
}

function Table({ shown }) {
  const grouped = new Map();
  for (const mode of shown) grouped.set(mode.family, [...(grouped.get(mode.family) ?? []), mode]);
  return html`<div class="tablebox"><table class="cat">
    <caption>Upper line of a trace: the client. Lower line: the server. Dotted: silence. Outline: octets that were announced and never came.</caption>
    <thead><tr><th scope="col" class="num">port</th><th scope="col">on the wire</th><th scope="col">mode</th><th scope="col">behaviour</th><th scope="col">a correct client</th></tr></thead>
    ${[...grouped].map(([family, those]) => html`<tbody key=${family} id="family-${family}">
      <tr class="fam"><th scope="rowgroup" colspan="5"><a href="#/modes" onClick=${(event) => jump(event, family)}>${family}</a> <span class="n">${those.length}</span> <span class="d">${about(family)}</span></th></tr>
      ${those.map((mode) => html`<${Row} key=${mode.name} mode=${mode} />`)}
    </tbody>`)}
  </table></div>`;
}

function Row({ mode }) {
  const row = useRef(null);
  const [moments, setMoments] = useState(null);
  useEffect(() => {
    let isThere = true;
    const watcher = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      watcher.disconnect();
      transcript(mode.name).then((told) => isThere && setMoments(told.moments), () => {});
    }, { rootMargin: "200px" });
    watcher.observe(row.current);
    return () => {
      isThere = false;
      watcher.disconnect();
    };
  }, [mode.name]);
  const { client } = mode;
  return html`<tr ref=${row}>
    <td class="num">${mode.port ?? ""}</td>
    <td class="tr-c"><${Trace} moments=${moments} /></td>
    <th scope="row"><a href=${link("modes", mode.name)}>${mode.name}</a></th>
    <td class="what"><${Inline} text=${mode.summary} /></td>
    <td class="exp"><${Expectation} outcome=${client.outcome} />${brief(client)}<span class="when">${WHEN[mode.driver] ?? mode.driver}</span></td>
  </tr>`;
}

const BRIEF = { exact: "succeeds exactly", error_or_exact: "errs, or is exact", timeout: "keeps its own timeout", bounded: "stays within bounds", policy: "follows its documentation" };

function brief({ outcome: owed, meaning }) {
  return BRIEF[owed] ?? meaning;
}
