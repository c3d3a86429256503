// Live: every connection as it happens.
import { showsOwnCalls } from "../api.js";
import { clock, count, plural } from "../format.js";
import { health, modes } from "../lab.js";
import { html, signal, useEffect, useRef, useState } from "../lib.js";
import { Choice, Command, Confidence, Empty, Find, Note } from "../parts/marks.js";
import { missed, reopenStream, stream } from "../stream.js";
import { route, setQuery } from "../router.js";
import { behaviour } from "./behaviour.js";
import { connections, lookBack, rate, version } from "./connections.js";
import { Conversations } from "./conversations.js";
import { Detail } from "./detail.js";
import { EventDetail } from "./event.js";
import { filterOf, setPorts } from "./filter.js";
import { Log } from "./log.js";
import { Retries } from "./retries.js";
import { Timeline } from "./timeline.js";

const filter = signal("");
const seconds = signal(60);
const isHeld = signal(false);
const showsOctets = signal(false);
const EVERY = 500; // milliseconds between two looks at what the clients' behaviour may be
const MOST_SPOKEN = 500; // sentences that are remembered, so that none is said again
const SPOKEN_EVERY = 5000; // milliseconds between two announcements to screen readers

// `kind` and `id` choose what is shown in detail: c a connection, e an event.
export function LiveView({ kind, id }) {
  useEffect(() => {
    filter.value = route.value.query.get("filter") ?? filter.value;
    lookBack();
  }, []);
  setPorts(new Map([["workbench", Number(location.port) || 80], ...Object.entries(health.value?.ports ?? {})]));
  const isMeant = filterOf(filter.value);
  const change = (value) => {
    filter.value = value;
    setQuery({ filter: value });
  };
  return html`<header class="vhead"><h1>Live</h1><p class="lead">Every connection to the failure ports and to the workbench, as it happens.</p></header>
    <div class="bar tools">
      <${Choice} legend="timeline" name="follow" value=${isHeld.value ? "hold" : "follow"} onChange=${(value) => (isHeld.value = value === "hold")} options=${[["follow"], ["hold"]]} />
      <${Choice} legend="window" name="window" value=${seconds.value} onChange=${(value) => (seconds.value = value)} options=${[[10, "10 s"], [60, "60 s"], [600, "10 min"]]} />
      <${Find} value=${filter.value} onInput=${change} label="Filter connections" placeholder="client:, port:, left:gave-up, status:5xx" />
      <label class="ck"><input type="checkbox" checked=${showsOwnCalls.value} onChange=${(event) => (showsOwnCalls.value = event.target.checked)} /> the page's own calls</label>
      <${Rate} />
    </div>
    <${State} />
    ${!connections.byId.size && !connections.log.length ? html`<${Nobody} />` : ""}
    <div class=${id ? "livegrid" : "livegrid alone"}>
      <${Timeline} seconds=${seconds.value} isHeld=${isHeld.value} isMeant=${isMeant} selected=${kind === "e" ? NaN : Number(id)} />
      ${id && (kind === "e" ? html`<${EventDetail} id=${id} />` : html`<${Detail} id=${id} />`)}
    </div>
    <${Findings} isMeant=${isMeant} />
    <${Log} isMeant=${isMeant} isHeld=${isHeld.value} showsOctets=${showsOctets.value} onOctets=${(value) => (showsOctets.value = value)} />`;
}

function Rate() {
  version.value;
  return html`<p class="rate"><b class="n">${count(rate.value)}</b> events/s <span class="n">${count(connections.seen)}</span> connections <span class="n">${count(missed.value)}</span> missed</p>`;
}

function State() {
  const { state, since, reason } = stream.value;
  if (state === "broken") {
    return html`<${Note} kind="warn"><p><b>The event stream broke at ${clock(since, 0)}.</b></p>
      <p>The page connects again, and fetches the events between. The timeline shows the gap as a grey band.</p>
      <button type="button" onClick=${reopenStream}>Connect now</button></${Note}>`;
  }
  if (state === "off") return html`<${Note} kind="warn"><p><b>Live events are off.</b></p><p>${reason} Start it without <code>--no-enable-live-events</code>.</p></${Note}>`;
  if (state === "refused") return html`<${Note} kind="warn"><p><b>The event stream is not open to you.</b></p><p>${reason} Log in at the top right.</p></${Note}>`;
  return null;
}

function Nobody() {
  version.value;
  if (connections.byId.size) return null;
  const example = (modes.value ?? []).find(({ slug }) => slug === "frame-cl-short-fin");
  const url = example?.port ? `http://${location.hostname}:${example.port}/` : `${location.origin}/`;
  return html`<${Empty}><p><b>No client has connected yet.</b></p><p>Connections are shown from the moment on at which a page is open. One request is enough:</p><${Command} text="curl ${url}" /></${Empty}>`;
}

// What follows from the connections; looked at twice a second at most, however many events arrive.
function Findings({ isMeant }) {
  const [, look] = useState(0);
  const seen = useRef(-1);
  useEffect(() => {
    const timer = setInterval(() => {
      if (seen.current !== version.value) {
        seen.current = version.value;
        look((number) => number + 1);
      }
    }, EVERY);
    return () => clearInterval(timer);
  }, []);
  const meant = [...connections.byId.values()].filter(isMeant);
  return html`<div class="two"><${Retries} connections=${meant} /><${Behaviour} connections=${meant} /></div><${Conversations} meant=${meant} />`;
}

function Behaviour({ connections: meant }) {
  const found = behaviour(meant);
  const spoken = useSpoken(found);
  return html`<section aria-labelledby="ib"><h2 id="ib">Behaviour, as seen</h2>
    ${found.length ? html`<ul class="inf">${found.map(({ client, text, evidence, seen }) => html`<li key=${client + text}><b>${client}</b> ${text}<span class="ev">${evidence}</span><${Confidence} seen=${seen} /></li>`)}</ul>`
      : html`<p class="hint">Nothing can be said yet. A client that gives up, or asks again, shows what it is made of.</p>`}
    <p class="vh" aria-live="polite">${spoken}</p>
    <p class="key"><${Confidence} seen=${3} /> seen three times or more <${Confidence} seen=${2} /> twice <${Confidence} seen=${1} /> once: not yet a habit</p></section>`;
}

// The newest sentence for screen readers, at most one in five seconds.
function useSpoken(found) {
  const [spoken, setSpoken] = useState("");
  const state = useRef({ known: new Set(), at: 0 });
  useEffect(() => {
    const { known, at } = state.current;
    const next = found.find(({ client, text }) => !known.has(client + text));
    if (!next || Date.now() - at < SPOKEN_EVERY) return;
    if (known.size > MOST_SPOKEN) known.clear();
    known.add(next.client + next.text);
    state.current.at = Date.now();
    setSpoken(`${next.client} ${next.text} (${plural(next.seen, "time")})`);
  });
  return spoken;
}
