// Scenarios: the list, a run with its report, two runs compared, and the editor.
import { get, post } from "../api.js";
import { clock, epochOf } from "../format.js";
import { html, signal } from "../lib.js";
import { Empty, Glyph } from "../parts/marks.js";
import { useLoaded, useSubmit } from "../parts/loaded.js";
import { Complaint, RoleButton, Unavailable } from "../parts/problem.js";
import { go, link } from "../router.js";
import { Comparison } from "./comparison.js";
import { Editor, EXAMPLE } from "./editor.js";
import { Report } from "./report.js";
import { latestRuns, running } from "./runs.js";

export const scenariosChanged = signal(0);
const seed = signal("1337");

// `id` opens a scenario ("new" a new one), `run` a report, `before` another one to compare it with.
export function Scenarios({ id, run, before }) {
  const { value, problem, reload } = useLoaded(() => get("/api/scenarios"), [scenariosChanged.value]);
  const all = value?.scenarios ?? [];
  const report = useLoaded(() => (run ? get(`/api/scenarios/runs/${encodeURIComponent(run)}`).then((found) => found.run) : null), [run]);
  const earlier = useLoaded(() => (before ? get(`/api/scenarios/runs/${encodeURIComponent(before)}`).then((found) => found.run) : null), [before]);
  const chosen = all.find((each) => each.id === (id ?? report.value?.scenario_id));
  const [trouble, isBusy, submit] = useSubmit();
  const start = (scenario) => submit(async () => {
    const number = Number(seed.value);
    const { run: made } = await post(`/api/scenarios/${encodeURIComponent(scenario.id)}/run`, { seed: Number.isInteger(number) && seed.value.trim() ? number : seed.value });
    const last = run && report.value?.scenario_id === scenario.id ? [run] : [];
    go(link("workbench", "runs", made.run_id, ...last));
  });
  const done = async (saved) => {
    await reload();
    go(saved ? link("workbench", "scenarios", saved.id) : "#/workbench");
  };
  return html`<section class="scen" aria-labelledby="ch"><header class="bar"><h2 id="ch">${chosen ? `Scenario: ${chosen.name}` : "Scenarios"}</h2>
      ${chosen && html`<form class="inline" onSubmit=${(event) => event.preventDefault()}><label>seed <input class="num w4" value=${seed.value} onInput=${(event) => (seed.value = event.target.value)} inputmode="numeric" /></label>
        <${RoleButton} needs="operator" class="go" disabled=${isBusy} onClick=${() => start(chosen)}>Run</${RoleButton}></form>`}
      <${RoleButton} needs="admin" onClick=${() => go("#/workbench/scenarios/new")}>New scenario</${RoleButton}></header>
    ${problem && html`<${Unavailable} noun="Scenarios" problem=${problem} />`}<${Complaint} text=${trouble} />
    ${value && !all.length && id !== "new" && html`<${Empty}><p><b>No scenario yet.</b></p><p>A scenario is a user's journey: requests in order, what each must bring, and chaos by a seed.</p>
      <${RoleButton} needs="admin" class="go" onClick=${() => go("#/workbench/scenarios/new")}>Begin with an example</${RoleButton}></${Empty}>`}
    ${all.length > 0 && html`<${List} all=${all} chosen=${chosen} />`}
    ${id && value && (chosen || id === "new") && html`<${Editor} key=${id} scenario=${chosen ?? EXAMPLE} isNew=${!chosen} onDone=${done} />`}
    ${id && chosen && html`<${Runs} scenario=${chosen} />`}
    ${run && report.problem && html`<p class="hint">The run ${run} is not kept any more: ${report.problem.message}.</p>`}
    ${report.value && html`<${Report} run=${report.value} scenario=${chosen} />${earlier.value && html`<${Comparison} before=${earlier.value} after=${report.value} />`}<${Runs} scenario=${{ id: report.value.scenario_id }} current=${run} />`}
  </section>`;
}

function List({ all, chosen }) {
  return html`<div class="tablebox"><table class="sl"><caption>Scenarios <span class="n">${all.length} of 100</span></caption><tbody>
    ${all.map((scenario) => {
      const last = latestRuns.value.get(scenario.id);
      const steps = running.value.get(scenario.id);
      const mark = steps ? "w-sil" : last ? { pass: "v-pass", fail: "v-crash" }[last.status] : "v-na";
      const when = steps ? `${steps.length} of ${scenario.steps.length} steps` : last ? clock(last.at, 0) : "not run yet";
      return html`<tr key=${scenario.id} class=${scenario === chosen ? "on" : ""}><td class="ic"><${Glyph} name=${mark} kind=${mark === "v-crash" ? "cf" : mark} /></td>
        <th scope="row" class="path"><a href=${last ? link("workbench", "runs", last.run_id) : link("workbench", "scenarios", scenario.id)}>${scenario.name}</a></th>
        <td class="opt num">${scenario.steps.length} steps</td><td class="num">${when}</td><td class="ic"><a href=${link("workbench", "scenarios", scenario.id)}>edit</a></td></tr>`;
    })}</tbody></table></div>`;
}

// The runs of a scenario; with one on show, the others can be compared with it.
function Runs({ scenario, current }) {
  const { value } = useLoaded(() => get(`/api/scenarios/${encodeURIComponent(scenario.id)}/runs?limit=10`), [scenario.id, current, latestRuns.value.get(scenario.id)?.run_id]);
  const runs = value?.runs ?? [];
  if (!runs.length) return null;
  return html`<h3>Runs</h3><div class="tablebox"><table class="sl"><tbody>${runs.map((each) => html`<tr key=${each.run_id} class=${each.run_id === current ? "on" : ""}>
    <td class="ic"><${Glyph} name=${each.status === "pass" ? "v-pass" : "v-crash"} kind=${each.status === "pass" ? "v-pass" : "cf"} /></td>
    <th scope="row"><a href=${link("workbench", "runs", each.run_id)}>${each.run_id}</a></th><td class="num">${clock(epochOf(each.started_at), 0)}</td><td class="num opt">seed ${each.seed}</td>
    <td class="ic">${current && each.run_id !== current && html`<a href=${link("workbench", "runs", current, each.run_id)}>compare</a>`}</td></tr>`)}</tbody></table></div>`;
}
