// The report of one run: a sentence, then each step with its answer, its time, and why it failed.
import { Glyph } from "../parts/marks.js";
import { milliseconds } from "../format.js";
import { html, useState } from "../lib.js";
import { link } from "../router.js";

export function Report({ run, scenario }) {
  const steps = run.step_results;
  const limits = steps.map(limitOf).filter(Boolean);
  const scale = Math.max(1, ...steps.map(({ latency_ms: took }) => took), ...limits) * 1.05;
  const known = new Set(steps.map(({ step_id: id }) => id));
  const skipped = (scenario?.steps ?? []).filter(({ id }) => !known.has(id));
  return html`<p class="claim">${verdict(run)}</p>
    <dl class="facts"><div><dt>run</dt><dd class="mono">${run.run_id}</dd></div><div><dt>seed</dt><dd class="n">${run.seed}</dd></div><div><dt>reliability</dt><dd class="n">${run.analysis.reliability_score}</dd></div>
      <div><dt>took</dt><dd class="n">${milliseconds(run.summary.duration_ms)}</dd></div><div><dt>slowest</dt><dd class="mono">${run.analysis.latency_bottleneck_route}</dd></div></dl>
    <p class="hint">${run.analysis.suggested_next_action}</p>
    <div class="tablebox"><table class="steps"><thead><tr><th scope="col"><span class="vh">result</span></th><th scope="col">step</th><th scope="col">request</th><th scope="col" class="num">status</th><th scope="col" class="num">ms</th><th scope="col" class="wfc">0 to ${milliseconds(scale)}; the line is the limit</th></tr></thead>
      <tbody>${steps.map((step) => html`<${Step} key=${step.step_id} step=${step} scale=${scale} />`)}
        ${skipped.map((step) => html`<tr key=${step.id} class="r-skip"><td class="ic"><${Glyph} name="v-na" /></td><th scope="row">${step.id}</th><td class="mono path">${step.method} ${step.path}</td><td></td><td></td><td class="wfc"><span class="why">not run</span></td></tr>`)}</tbody></table></div>`;
}

export function verdict({ run_id: id, status, analysis, summary }) {
  if (status === "pass") return `Run ${id.slice(0, 6)} passed: ${summary.passed === 1 ? "its step" : `all ${summary.passed} steps`} did what a user needs.`;
  return `Run ${id.slice(0, 6)} failed at the step ${analysis.failing_step_id}: ${analysis.failing_step_reason}.`;
}

function limitOf({ assertions }) {
  return assertions.find(({ type }) => type === "max_latency_ms")?.expected ?? 0;
}

function Step({ step, scale }) {
  const [isOpen, setIsOpen] = useState(false);
  const { request, response, latency_ms: took, failure_reason: reason } = step;
  const failed = step.status !== "pass";
  const limit = limitOf(step);
  return html`<tr class=${failed ? "r-fail" : "r-pass"}><td class="ic"><${Glyph} name=${failed ? "v-crash" : "v-pass"} kind=${failed ? "cf" : "v-pass"} /></td>
      <th scope="row"><button type="button" class="plain pickit" aria-expanded=${isOpen} onClick=${() => setIsOpen(!isOpen)}>${step.step_id}</button></th>
      <td class="mono path">${request.method} ${request.path}</td><td class="num">${response.status}</td><td class="num">${took < 1 ? took.toFixed(2) : took.toFixed(1)}</td>
      <td class="wfc"><svg width="100%" height="14" aria-hidden="true">${limit > 0 && html`<line x1="${(100 * limit) / scale}%" x2="${(100 * limit) / scale}%" y1="0" y2="14" class="lim" />`}
        <rect x="0" y="3" width="${Math.max(0.6, (100 * took) / scale)}%" height="8" class="wf ${failed ? "fail" : "pass"}" /></svg>
        ${reason && html`<span class="why">${reason}</span>`}${step.chaos_applied && html`<span class="inj">chaos was applied</span>`}</td></tr>
    ${isOpen && html`<tr class="more"><td colspan="6"><dl class="res">
      ${step.assertions.map(({ type, passed, expected, actual }) => html`<dt><${Glyph} name=${passed ? "v-pass" : "v-crash"} kind=${passed ? "v-pass" : "cf"} />${type}</dt><dd class="mono">expected ${JSON.stringify(expected)}, got ${short(actual)}</dd>`)}
      <dt>answer</dt><dd><pre tabindex="0"><code>${Object.entries(response.headers).map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n${response.body.slice(0, 2000)}</code></pre></dd>
      ${step.trace_id && html`<dt>trace</dt><dd class="mono"><a href=${link("workbench", "history", step.trace_id)}>${step.trace_id}</a></dd>`}</dl></td></tr>`}`;
}

function short(value) {
  const text = JSON.stringify(value) ?? "";
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
