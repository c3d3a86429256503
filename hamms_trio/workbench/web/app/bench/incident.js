// Incidents: the state, kept current by the stream, and the form that starts and ends one.
import { get, post } from "../api.js";
import { clock, count } from "../format.js";
import { modes } from "../lab.js";
import { html, signal, useState } from "../lib.js";
import { Complaint, RoleButton } from "../parts/problem.js";
import { useSubmit } from "../parts/loaded.js";
import { subscribe } from "../stream.js";

export const KINDS = ["fixed_latency", "status_spike_503", "body_drop"];
export const incident = signal(undefined); // undefined while unknown, null where incidents are off
export const bands = signal([]); // [from, to] of incidents that were seen, for the plots
export const form = signal({ mode: "fixed_latency", probability: "0.5", latency_ms: "900", seed: "1337" });
export const recovery = signal(null); // seconds that the last incident took

let hasBegun = false;

export async function watchIncidents() {
  if (hasBegun) return;
  hasBegun = true;
  subscribe((events) => events.forEach(take));
  try {
    const { incident: state } = await get("/api/incidents/state", { quiet: true });
    incident.value = state;
    if (state.active) bands.value = [...bands.value, [state.started_at, Infinity]];
  } catch (error) {
    incident.value = error.status === 404 ? null : undefined;
    if (error.status !== 404) hasBegun = false;
  }
}

function take({ type, at, payload }) {
  if (type === "incident.started") {
    incident.value = { ...payload };
    bands.value = [...bands.value.map(([from, to]) => [from, Math.min(to, at)]), [at, Infinity]];
  } else if (type === "incident.stopped") {
    incident.value = { ...payload, active: false };
    const [from] = bands.value.at(-1) ?? [];
    if (from) recovery.value = at - from;
    bands.value = bands.value.map(([begin, to]) => [begin, Math.min(to, at)]);
  } else if (type === "incident.affected" && incident.value) {
    incident.value = { ...incident.value, affected_requests: payload.affected_requests };
  }
}

export async function startIncident(given) {
  const { incident: state } = await post("/api/incidents/start", given);
  incident.value = state;
}

export async function stopIncident() {
  const { incident: state } = await post("/api/incidents/stop");
  incident.value = state;
}

export function IncidentBar() {
  const state = incident.value;
  if (state === null) return null;
  if (state === undefined) return html`<section class="atrest"><p>The state of incidents is not known to you.</p></section>`;
  return state.active ? html`<${Running} state=${state} />` : html`<section class="atrest" aria-labelledby="ih"><h2 id="ih">No incident</h2><${IncidentForm} verb="Start" /></section>`;
}

function Running({ state }) {
  const [problem, isBusy, submit] = useSubmit();
  const shares = state.mode !== "fixed_latency" || state.probability < 1;
  return html`<section class="incident" aria-labelledby="ih">
    <h2 id="ih"><i class="led hot"></i>Incident running</h2>
    <dl class="facts"><div><dt>kind</dt><dd class="mono">${state.mode}</dd></div>
      ${state.mode === "fixed_latency" && html`<div><dt>adds</dt><dd class="n">${count(state.latency_ms)} ms</dd></div>`}
      ${shares && html`<div><dt>share</dt><dd class="n">${state.probability}</dd></div>`}
      <div><dt>since</dt><dd class="n">${clock(state.started_at, 0)}</dd></div>
      <div><dt>hit</dt><dd class="n">${count(state.affected_requests)} requests</dd></div><div><dt>seed</dt><dd class="n">${state.seed}</dd></div></dl>
    <${IncidentForm} verb="Change" />
    <${RoleButton} needs="operator" class="go" disabled=${isBusy} onClick=${() => submit(stopIncident)}>Stop</${RoleButton}>
    <${Complaint} text=${problem} />
  </section>`;
}

// Members that few need: [name, unit, placeholder, explanation].
const MORE = [
  ["jitter_ms", "ms", "0", "half the width of uniform, the deviation of normal"], ["start_after", "s", "0", "until the first request is struck"],
  ["duration", "s", "no end", "from then on"], ["flap", "s", "never", "strikes and rests in turn"], ["ttl", "s", "no end", "it is over whatever else is given"],
];

function documentOf({ mode, distribution, ...texts }) {
  const given = Object.entries(texts).filter(([, text]) => text !== "" && text !== undefined);
  const numbers = Object.fromEntries(given.map(([name, text]) => [name, Number.isNaN(Number(text)) ? text : Number(text)]));
  return { mode: mode.trim(), ...numbers, ...(distribution && distribution !== "fixed" ? { distribution } : {}) };
}

export function IncidentForm({ verb }) {
  const [problem, isBusy, submit] = useSubmit();
  const [isOpen, setIsOpen] = useState(false);
  const values = form.value;
  const set = (name) => (event) => (form.value = { ...values, [name]: event.target.value });
  const start = () => submit(() => startIncident(documentOf(values)));
  const isLatency = values.mode === "fixed_latency";
  return html`<form class="inline" aria-label="Incident" onSubmit=${(event) => event.preventDefault()}>
    <label>kind <input class="mono kind" list="kinds" value=${values.mode} onInput=${set("mode")} /></label>
    <datalist id="kinds">${KINDS.map((kind) => html`<option value=${kind} />`)}${(modes.value ?? []).filter((mode) => !mode.needs_port).map(({ slug }) => html`<option value=${slug} />`)}</datalist>
    <label>latency <input class="num w4" value=${values.latency_ms} inputmode="numeric" onInput=${set("latency_ms")} disabled=${!isLatency} title=${isLatency ? undefined : "Only fixed_latency has one."} /> ms</label>
    <label>share <input class="num w4" value=${values.probability} inputmode="decimal" onInput=${set("probability")} /></label>
    <label>seed <input class="num w4" value=${values.seed} inputmode="numeric" onInput=${set("seed")} /></label>
    ${isOpen && html`<label>distribution <select value=${values.distribution ?? "fixed"} onChange=${set("distribution")}>${["fixed", "uniform", "normal"].map((each) => html`<option>${each}</option>`)}</select></label>
      ${MORE.map(([name, unit, placeholder, why]) => html`<label title=${why}>${name.replace("_ms", "").replace("_", " ")} <input class="num w4" value=${values[name] ?? ""} placeholder=${placeholder} inputmode="decimal" onInput=${set(name)} /> ${unit}</label>`)}`}
    <button type="button" class="plain" aria-expanded=${isOpen} onClick=${() => setIsOpen(!isOpen)}>${isOpen ? "less" : "more"}</button>
    <${RoleButton} needs="operator" disabled=${isBusy} onClick=${start}>${verb}</${RoleButton}>
    <${Complaint} text=${problem} />
  </form>`;
}
