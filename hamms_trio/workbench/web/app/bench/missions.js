// Missions: three stories that show the workbench at work, each a scenario with an incident attached.
import { asksForLogin, may, role } from "../account.js";
import { get, post } from "../api.js";
import { html, signal, useEffect } from "../lib.js";
import { Glyph, Note } from "../parts/marks.js";
import { go, link } from "../router.js";
import { clock, milliseconds, percentile } from "../format.js";
import { Comparison } from "./comparison.js";
import { form, IncidentBar, startIncident, stopIncident } from "./incident.js";
import { Report } from "./report.js";
import { Slo } from "./slo.js";

const SEED = 1337;

// Each mission: the mocks it needs, its scenario, and the incident under which it runs first.
const MISSIONS = {
  signup: {
    title: "Signup under chaos", story: "Users sign up while a quarter of the answers turn into failures.",
    mocks: [{ method: "POST", path_pattern: "/users", status: 201, body: '{"created": true}' }],
    scenario: { name: "mission: signup under chaos", defaults: { stop_on_fail: true }, steps: [
      { id: "home", method: "GET", path: "/", expect: { status: [200] } },
      { id: "signup", method: "POST", path: "/users", body: '{"name": "ann"}', expect: { status: [201], body_contains: ["created"] }, chaos: { enabled: true, mode: "status_flip", probability: 0.25 } },
    ] },
  },
  checkout: {
    title: "Slow checkout", story: "Each answer takes 900 ms more, and the checkout may take 450 ms.",
    mocks: [{ method: "GET", path_pattern: "/checkout", status: 200, body: '{"total": 42.5}' }],
    incident: { mode: "fixed_latency", probability: 1, latency_ms: 900, seed: SEED },
    scenario: { name: "mission: slow checkout", defaults: { stop_on_fail: true }, steps: [
      { id: "checkout", method: "GET", path: "/checkout", expect: { status: [200], max_latency_ms: 450 } },
    ] },
  },
  outage: {
    title: "Upstream outage", story: "Every answer is a 503, and the home page must be a 200.",
    mocks: [],
    incident: { mode: "status_spike_503", probability: 1, latency_ms: 0, seed: SEED },
    scenario: { name: "mission: upstream outage", defaults: { stop_on_fail: true }, steps: [
      { id: "home", method: "GET", path: "/", expect: { status: [200] } },
    ] },
  },
};
const PRESETS = {
  Beginner: { mission: "signup", incident: { mode: "fixed_latency", probability: "0.5", latency_ms: "300", seed: "1337" } },
  Ops: { mission: "checkout", incident: { mode: "fixed_latency", probability: "1", latency_ms: "900", seed: "1337" } },
  Chaos: { mission: "outage", incident: { mode: "status_spike_503", probability: "1", latency_ms: "0", seed: "1337" } },
};

const state = signal({ name: "", lines: [], during: null, after: null, problem: "", isRunning: false, scenario: null });

export function Missions({ id }) {
  useEffect(() => {
    if (id && MISSIONS[id] && new URLSearchParams(location.search).get("mission") === id) {
      const timer = setTimeout(() => run(id), 2000);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, []);
  const chosen = MISSIONS[id] ? id : "signup";
  return html`<${IncidentBar} />
    <section aria-labelledby="mi"><header class="bar"><h2 id="mi">Missions</h2>
        <fieldset class="presets"><legend>presets</legend>${Object.entries(PRESETS).map(([name, preset]) => html`<button type="button" onClick=${() => apply(preset)}>${name}</button>`)}</fieldset></header>
      <ul class="missions">${Object.entries(MISSIONS).map(([name, { title, story }]) => html`<li class=${name === chosen ? "on" : ""}><a href=${link("workbench", "missions", name)}><b>${title}</b></a><p>${story}</p>
        <button type="button" class=${name === chosen ? "go" : ""} disabled=${state.value.isRunning} onClick=${() => run(name)}>Run</button></li>`)}</ul>
    </section>
    <${Outcome} />
    <${Slo} />`;
}

function apply({ mission, incident }) {
  form.value = { ...form.value, ...incident };
  go(link("workbench", "missions", mission));
}

async function run(name) {
  const mission = MISSIONS[name];
  state.value = { name, lines: [], during: null, after: null, problem: "", isRunning: true, scenario: null };
  go(link("workbench", "missions", name));
  const told = (line) => (state.value = { ...state.value, lines: [...state.value.lines, `${clock(Date.now() / 1000, 0)} ${line}`] });
  if (!may("admin")) {
    state.value = { ...state.value, isRunning: false, problem: "role" };
    return;
  }
  try {
    const scenario = await prepare(mission, told);
    if (mission.incident) {
      await startIncident(mission.incident);
      told(`The incident ${mission.incident.mode} runs.`);
    }
    const during = await runOnce(scenario);
    told(`The run ${during.run_id.slice(0, 6)} ${during.status === "pass" ? "passed" : "failed"}.`);
    state.value = { ...state.value, scenario, during };
    if (mission.incident) {
      await stopIncident();
      told("The incident is over; the scenario runs once more.");
      const after = await runOnce(scenario);
      told(`The run ${after.run_id.slice(0, 6)} ${after.status === "pass" ? "passed" : "failed"}.`);
      state.value = { ...state.value, after };
    }
  } catch (error) {
    state.value = { ...state.value, problem: error.message };
  } finally {
    state.value = { ...state.value, isRunning: false };
  }
}

const runOnce = async (scenario) => (await post(`/api/scenarios/${encodeURIComponent(scenario.id)}/run`, { seed: SEED })).run;

// Makes the mocks and the scenario of a mission, or takes those that are there.
async function prepare({ mocks, scenario }, told) {
  for (const mock of mocks) {
    await post("/api/mocks", mock).catch((error) => {
      if (error.status !== 409) throw error;
    });
    told(`The mock ${mock.method} ${mock.path_pattern} stands.`);
  }
  const known = (await get("/api/scenarios")).scenarios.find(({ name }) => name === scenario.name);
  return known ?? (await post("/api/scenarios", scenario)).scenario;
}

function Outcome() {
  const { name, lines, during, after, problem, isRunning, scenario } = state.value;
  if (!name) return html`<section class="empty"><p><b>No mission has run yet.</b></p><p>Each prepares what it needs, runs a scenario under an incident, ends that, and runs the scenario again.</p></section>`;
  if (problem === "role") {
    return html`<${Note} glyph="v-held"><p><b>The mission is blocked: it needs the role admin, and you are ${role.value}.</b></p><p>A mission makes mocks and scenarios.</p>
      <button type="button" onClick=${() => (asksForLogin.value = "A mission needs the role admin.")}>Switch role</button></${Note}>`;
  }
  return html`<section class="verdict" aria-labelledby="vd" aria-live="polite"><h2 id="vd">${MISSIONS[name].title}</h2>
    ${problem && html`<${Note} kind="err"><p><b>The mission broke off.</b></p><p>${problem}</p></${Note}>`}
    ${during && html`<p class="claim"><${Glyph} name=${during.status === "pass" ? "v-pass" : "v-crash"} kind=${during.status === "pass" ? "v-pass" : "cf"} /> ${story(during, after)}</p><${Numbers} run=${after ?? during} />`}
    <h3>What happened</h3><ol class="told">${lines.map((line) => html`<li>${line}</li>`)}</ol>${isRunning && html`<p class="hint">The mission is under way.</p>`}
    ${during && html`<h3>The first run</h3><${Report} run=${during} scenario=${scenario} />`}
    ${after && html`<h3>After the incident</h3><${Report} run=${after} scenario=${scenario} /><${Comparison} before=${during} after=${after} title="Before and after" />`}
    ${during && html`<details><summary>The analysis as JSON</summary><pre tabindex="0"><code>${JSON.stringify((after ?? during).analysis, null, 2)}</code></pre></details>`}</section>`;
}

function story(during, after) {
  const evidence = during.step_results.map(({ trace_id: trace }) => trace.slice(0, 8)).join(", ");
  const first = during.status === "pass" ? "The scenario passed." : `The scenario failed. ${during.analysis.root_cause_summary.replace(/\.?$/, ".")}`;
  const then = !after ? "" : after.status === "pass" ? " Without the incident it passed, so the incident was the cause." : " It failed without the incident as well.";
  return `${first}${then} Evidence: ${evidence}.`;
}

function Numbers({ run }) {
  const times = run.step_results.map(({ latency_ms: took }) => took).sort((a, b) => a - b);
  return html`<dl class="facts"><div><dt>reliability</dt><dd class="n">${run.analysis.reliability_score}</dd></div>${[50, 95, 99].map((percent) => html`<div><dt>p${percent} of steps</dt><dd class="n">${milliseconds(percentile(times, percent))}</dd></div>`)}</dl>`;
}
