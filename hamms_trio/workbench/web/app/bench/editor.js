// The editor of a scenario: its JSON, checked while the reader pauses, with the line that is wrong.
import { post, put, remove } from "../api.js";
import { html, useRef, useState } from "../lib.js";
import { Note } from "../parts/marks.js";
import { useSubmit } from "../parts/loaded.js";
import { RoleButton } from "../parts/problem.js";

export const EXAMPLE = {
  name: "checkout under load", description: "A cart is filled and paid for.", defaults: { stop_on_fail: true },
  steps: [
    { id: "home", name: "Home", method: "GET", path: "/", expect: { status: [200], body_contains: ["Hello"] } },
    { id: "submit", name: "Submit", method: "POST", path: "/submit", body: "item=1", expect: { status: [200], max_latency_ms: 450 },
      chaos: { enabled: true, mode: "status_flip", probability: 0.25 } },
  ],
};
const OURS = ["id", "created_at", "updated_at"];
const METHODS = ["GET", "POST", "PUT", "DELETE"];

export function Editor({ scenario, isNew, onDone }) {
  const [text, setText] = useState(() => JSON.stringify(Object.fromEntries(Object.entries(scenario).filter(([name]) => !OURS.includes(name))), null, 2));
  const [isLeft, setIsLeft] = useState(false);
  const [problem, isBusy, submit] = useSubmit();
  const area = useRef(null);
  const found = checked(text);
  const wrong = problem ? { message: problem, line: lineOfStep(text, problem) } : isLeft && found.message ? found : null;
  const path = `/api/scenarios/${encodeURIComponent(scenario.id ?? "")}`;
  const save = () => submit(async () => {
    if (found.message) throw new Error(found.message);
    const { scenario: saved } = await (isNew ? post("/api/scenarios", found.document) : put(path, found.document));
    await onDone(saved);
  });
  const drop = () => submit(async () => {
    await remove(path);
    await onDone(null);
  });
  const show = () => {
    const lines = text.split("\n");
    const from = lines.slice(0, wrong.line - 1).join("\n").length + (wrong.line > 1 ? 1 : 0);
    area.current.focus();
    area.current.setSelectionRange(from, from + lines[wrong.line - 1].length);
  };
  const lines = text.split("\n").length;
  return html`<form class="editor" aria-label=${isNew ? "A new scenario" : "Edit the scenario"} onSubmit=${(event) => event.preventDefault()}>
    <label for="ed">The scenario as JSON</label>
    <div class="code-area"><pre class="lines" aria-hidden="true">${Array.from({ length: lines }, (_, index) => html`<span class=${wrong?.line === index + 1 ? "bad" : ""}>${index + 1}\n</span>`)}</pre>
      <textarea id="ed" ref=${area} class="mono" spellcheck="false" rows=${Math.max(12, lines + 1)} value=${text} aria-invalid=${wrong ? "true" : undefined}
        onInput=${(event) => { setText(event.target.value); setIsLeft(false); }} onBlur=${() => setIsLeft(true)}></textarea></div>
    ${wrong && html`<${Note} kind="err"><p><b>${wrong.message}</b></p><p>${wrong.line ? html`It is in <button type="button" class="plain" onClick=${show}>line ${wrong.line}</button>. ` : ""}Nothing was saved.</p></${Note}>`}
    <p class="act"><${RoleButton} needs="admin" class="go" disabled=${isBusy} onClick=${save}>Save</${RoleButton}><button type="button" onClick=${() => onDone(isNew ? null : scenario)}>Cancel</button>
      ${!isNew && html`<${RoleButton} needs="admin" class="plain danger" disabled=${isBusy} onClick=${drop}>Delete</${RoleButton}>`}</p></form>`;
}

// What can be told before the server is asked: {document} or {message, line}.
export function checked(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const place = /position (\d+)/.exec(error.message);
    const line = /line (\d+)/.exec(error.message);
    return { message: `This is no JSON: ${error.message}.`, line: line ? Number(line[1]) : place ? text.slice(0, Number(place[1])).split("\n").length : 0 };
  }
  const message = ruleBroken(document);
  return message ? { message, line: lineOfStep(text, message) } : { document };
}

function ruleBroken(document) {
  if (!document || typeof document !== "object" || Array.isArray(document)) return "A scenario is a JSON object.";
  if (!String(document.name ?? "").trim()) return "The scenario needs a name.";
  if (!Array.isArray(document.steps) || !document.steps.length) return "The scenario needs steps: a list with one at least.";
  for (const [index, step] of document.steps.entries()) {
    const which = `Step ${index + 1}`;
    if (!step || typeof step !== "object") return `${which}: a step is an object.`;
    if (step.parallel) continue;
    if (!METHODS.includes(String(step.method ?? "GET").toUpperCase())) return `${which}: the method is one of ${METHODS.join(", ")}.`;
    if (!String(step.path ?? "").trim().startsWith("/")) return `${which}: the path must start with /.`;
    const probability = step.chaos?.probability;
    if (probability !== undefined && !(probability >= 0 && probability <= 1)) return `${which}: the probability is between 0 and 1.`;
  }
  return "";
}

// The line at which the step begins that a message names; 0 if the message names none.
export function lineOfStep(text, message) {
  const number = Number(/step (\d+)/i.exec(message)?.[1] ?? 0);
  if (!number) return 0;
  const begin = text.indexOf('"steps"');
  let depth = 0;
  let step = 0;
  for (let at = text.indexOf("[", begin) + 1; at < text.length; at += 1) {
    if (text[at] === '"') at = endOfText(text, at);
    else if (text[at] === "{") {
      step += depth === 0;
      if (depth === 0 && step === number) return text.slice(0, at).split("\n").length;
      depth += 1;
    } else if (text[at] === "}") depth -= 1;
  }
  return 0;
}

function endOfText(text, at) {
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === '"') return end;
  }
  return text.length;
}
