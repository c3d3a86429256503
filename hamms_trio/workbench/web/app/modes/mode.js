// One mode: what goes over the wire, what a correct client owes, and how to try it.
import { asText, Sequence } from "../draw/sequence.js";
import { clock, octets, seconds, shown } from "../format.js";
import { modes } from "../lab.js";
import { connections, version } from "../live/connections.js";
import { clientOf } from "../live/model.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { Choice, Code, Empty, Expectation, Glyph, Note, Prose, Source } from "../parts/marks.js";
import { link, route, setQuery } from "../router.js";
import { given, labelOf, problemsOf } from "./arguments.js";
import { attempt, reachOf } from "./attempt.js";
import { doorsOf, snippet } from "./doors.js";
import { ArgumentForm } from "./form.js";
import { Legend } from "./legend.js";
import { begin } from "./list.js";
import { Outcomes } from "./outcomes.js";
import { nearest } from "./search.js";
import { useTranscript } from "./transcripts.js";

const SETTLES = 300; // milliseconds without a key until the drawing follows the form

export function ModeView({ slug }) {
  const all = modes.value;
  if (all === null) return html`<section class="wait"><p>The mode is on its way.</p></section>`;
  const index = all.findIndex((each) => each.name === slug || each.slug === slug || each.aliases.includes(slug));
  if (index < 0) return html`<${Unknown} slug=${slug} all=${all} />`;
  return html`<${Mode} mode=${all[index]} before=${all[index - 1]} after=${all[index + 1]} />`;
}

function Unknown({ slug, all }) {
  const near = nearest(all, slug);
  return html`<${Empty}><p><b>No mode is called “${slug}” here.</b></p>
    <p>${near && html`The nearest is <a href=${link("modes", near.name)}>${near.name}</a>. `}<a href="#/modes">All modes</a></p></${Empty}>`;
}

function Mode({ mode, before, after }) {
  const [values, setValues] = useState(() => Object.fromEntries(route.value.query));
  const change = (name, value) => {
    const next = { ...values, [name]: value };
    setValues(next);
    setQuery(given(mode, next));
  };
  const problems = problemsOf(mode, values);
  return html`<header class="vhead"><p class="crumb"><a href="#/modes">Modes</a> / <a href="#/modes?q=${mode.family}">${mode.family}</a></p>
      <h1><span class="num">${mode.port}</span> ${mode.name}</h1><p class="lead">${mode.summary}</p>
      <p class="step">${before && html`<a href=${link("modes", before.name)} rel="prev"><kbd>k</kbd>${before.name}</a>`}
        ${after && html`<a href=${link("modes", after.name)} rel="next"><kbd>j</kbd>${after.name}</a>`}</p></header>
    <div class="bench">
      <${Wire} mode=${mode} values=${values} isRight=${!problems.length} />
      <${Owed} mode=${mode} />
      <section class="set" aria-labelledby="w3">
        <div><h2 id="w3">Arguments</h2><${ArgumentForm} mode=${mode} values=${values} onChange=${change} /></div>
        <div class="sub"><h2>Point a client at it</h2><${Addresses} mode=${mode} values=${values} /></div>
        <div class="sub"><h2>Try it now</h2><${Attempt} mode=${mode} values=${values} isRight=${!problems.length} /></div>
      </section>
    </div>`;
}

function Wire({ mode, values, isRight }) {
  const [form, setForm] = useState("drawing");
  const label = useSettled(isRight ? labelOf(mode, values) : null) ?? mode.name;
  const { told, problem } = useTranscript(label);
  return html`<section class="wire" aria-labelledby="w1"><header class="bar"><h2 id="w1">On the wire</h2>
    <${Choice} legend="as" name="form" value=${form} onChange=${setForm} options=${[["drawing", "a drawing"], ["text", "text"]]} /></header>
    ${problem && html`<${Note} kind="warn"><p>${problem}</p></${Note}>`}
    ${told && (form === "drawing"
      ? html`<${Sequence} moments=${told.moments} name=${mode.name} origin=${begin(told.moments)} />`
      : html`<${Code} text=${asText(told.moments)} label="The transcript" />`)}
    ${!told && !problem && html`<p class="hint">The mode is being played.</p>`}
    <p class="hint">Played against a patient client in virtual time; it closes when its last answer is complete, and gives up 61.7 s after its last request.</p>
    <${Legend} />
  </section>`;
}

// A value, once it has not changed for a moment.
function useSettled(value) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLES);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Owed({ mode }) {
  const { client } = mode;
  const attempts = Object.entries(client.attempts);
  return html`<section class="owe" aria-labelledby="w2"><h2 id="w2">A correct client</h2>
    <p class="claim"><${Expectation} outcome=${client.outcome} />A correct client ${client.meaning}.</p>
    ${attempts.map(([method, most]) => html`<p>It sends a ${method} at most ${most === 1 ? "once" : `${most} times`} for one call.</p>`)}
    ${client.reuse === "forbidden" && html`<p>The connection must not be used for another request.</p>`}
    ${client.reuse === "required" && html`<p>The connection has to be used for another request.</p>`}
    <p class="src"><span><${Source} text=${client.source} /></span><span class="lvl">${client.level === "quality" ? "quality of the client, no MUST" : client.level}</span></p>
    <${Outcomes} mode=${mode} />
    <h3>The mode</h3><${Prose} text=${mode.description} />
    ${mode.needs_port && html`<p>It needs a port of its own: ${mode.needs_port}.</p>`}
    ${mode.aliases.length > 0 && html`<p class="hint">Also found as ${mode.aliases.join(", ")}.</p>`}
    ${mode.issues.length > 0 && html`<h3>Reported</h3><ul class="plainlist">${mode.issues.map((issue) => html`<li><a href=${issue} rel="noreferrer">${issue.replace("https://github.com/", "")}</a></li>`)}</ul>`}
  </section>`;
}

function Addresses({ mode, values }) {
  const doors = doorsOf(mode);
  const [chosen, setDoor] = useState(doors[0][0]);
  const [language, setLanguage] = useState("curl");
  const [door, , why] = doors.find(([name]) => name === chosen) ?? doors[0];
  return html`<div class="snip">
    <${Choice} legend="door" name="door" value=${door} onChange=${setDoor} options=${doors} />
    <${Choice} legend="with" name="language" value=${language} onChange=${setLanguage} options=${[["curl"], ["python", "Python"], ["node", "Node"]]} />
    <${Code} text=${snippet(door, language, mode, values)} label="The ${language} client" /><p class="hint">${why}</p>
  </div>`;
}

function Attempt({ mode, values, isRight }) {
  const [limit, setLimit] = useState("10");
  const [result, setResult] = useState(null);
  const [isRunning, setIsRunning] = useState(false);
  const control = useRef(null);
  const reach = reachOf(mode);
  useEffect(() => () => control.current?.abort(), []);
  const run = async () => {
    control.current = new AbortController();
    setIsRunning(true);
    const begun = Date.now() / 1000;
    const came = await attempt(mode, values, { limit: Number(limit) || 10, signal: control.current.signal });
    setIsRunning(false);
    setResult({ ...came, begun });
  };
  if (reach === "none") return html`<p class="hint">This mode has no port here: open one with <code>hamms-trio one ${mode.name}</code>.</p>`;
  const off = isRight ? undefined : "An argument can't be used.";
  return html`<div class="try">
    <p><button type="button" class="go" onClick=${run} disabled=${isRunning || !isRight} title=${off}>${isRunning ? "Waiting" : "Fetch it"}</button>
      ${isRunning && html`<button type="button" onClick=${() => control.current.abort()}>Stop</button>`}
      <label class="fld">limit <input class="num w4" value=${limit} inputmode="decimal" onInput=${(event) => setLimit(event.target.value)} /> s</label></p>
    ${reach === "port" && html`<p class="hint">The mode is on another port, so the browser tells a page only whether an answer came.</p>`}
    <div aria-live="polite">${result && html`<${Result} result=${result} />`}</div>
  </div>`;
}

function Result({ result }) {
  const began = useMemo(() => clock(result.begun), [result]);
  return html`<dl class="res">
    <dt>this browser</dt><dd><${Glyph} name=${result.mark} />${result.claim}</dd>
    <dt>at</dt><dd class="n">${began}, took ${seconds(result.seconds)}</dd>
    ${result.status > 0 && html`<dt>status</dt><dd class="n">${result.status}</dd>`}
    ${!result.isOpaque && html`<dt>body</dt><dd class="n">${octets(result.octets)}</dd>`}
    ${result.fields.length > 0 && html`<dt>fields</dt><dd><pre tabindex="0"><code>${result.fields.map(([name, value]) => `${name}: ${value}`).join("\n")}</code></pre></dd>`}
    ${result.beginning && html`<dt>begins</dt><dd class="mono">${shown(result.beginning.slice(0, 300))}</dd>`}
    <dt>address</dt><dd class="mono">${result.url}</dd>
  </dl><p class="links"><a href=${addressInLive(result)}>See the connection in Live</a></p>`;
}

// The browser's own connection, once the stream has told of it.
function addressInLive({ url, begun }) {
  version.value;
  const { pathname, search } = new URL(url, location.href);
  const isMeant = ({ at, target }) => at >= begun - 1 && target === pathname + search;
  const found = [...connections.byId.values()].findLast((each) => clientOf(each) === "this browser" && each.requests.some(isMeant));
  return found ? link("live", "c", String(found.id)) : "#/live";
}
