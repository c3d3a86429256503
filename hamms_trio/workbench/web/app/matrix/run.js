// A check that the server runs over one of the clients that it knows: never a command line.
import { get, post, remove } from "../api.js";
import { plural } from "../format.js";
import { html, signal, useEffect, useState } from "../lib.js";
import { Note } from "../parts/marks.js";
import { useLoaded, useSubmit } from "../parts/loaded.js";
import { RoleButton } from "../parts/problem.js";
import { subscribe } from "../stream.js";
import { open } from "./reports.js";

const SUITES = ["core", "full", "streams", "tls"];
const check = signal(null); // the one that was started last
const isOffered = signal(false); // False where the server checks nobody, or not for this reader
let hasBegun = false;

function watchChecks() {
  if (!hasBegun) {
    hasBegun = true;
    subscribe((events) => events.forEach(follow));
  }
  if (isOffered.value) return;
  get("/api/checks", { quiet: true }).then(({ checks }) => {
    isOffered.value = true;
    check.value ??= checks[0] ?? null;
  }, () => {});
}

function follow({ type, payload }) {
  if (!type.startsWith("check.")) return;
  check.value = payload;
  if (type === "check.completed" && payload.status === "done") take(payload.id);
}

async function take(id) {
  const { check: run, report } = await get(`/api/checks/${encodeURIComponent(id)}`);
  if (report) open(JSON.stringify(report), `check ${run.id}`);
}

export function RunCheck() {
  const [isOpen, setIsOpen] = useState(false);
  useEffect(watchChecks, []);
  if (!isOffered.value) return null;
  return html`${isOpen ? html`<${Form} />` : html`<p><${RoleButton} needs="admin" onClick=${() => setIsOpen(true)}>Run a check</${RoleButton}></p>`}
    ${check.value && html`<${State} run=${check.value} />`}`;
}

function Form() {
  const { value, problem: trouble } = useLoaded(() => get("/api/checks/clients"));
  const [chosen, setChosen] = useState("");
  const [suite, setSuite] = useState("core");
  const [problem, isBusy, submit] = useSubmit();
  const clients = value?.clients ?? [];
  if (trouble) return html`<${Note} kind="err"><p><b>The clients can't be listed.</b></p><p>${trouble.message}</p></${Note}>`;
  if (!value) return html`<p class="hint" role="status">The clients of this machine are looked for.</p>`;
  if (!clients.length) return html`<p class="hint">No client that has an adapter is installed here.</p>`;
  const client = chosen || clients[0].name;
  const isRunning = check.value?.status === "running";
  const run = () => submit(async () => {
    check.value = (await post("/api/checks", { client, suites: suite.split(/[\s,]+/).filter(Boolean) })).check;
  });
  return html`<form class="inline runcheck" aria-label="Run a check" onSubmit=${(event) => event.preventDefault()}>
      <label>client <select value=${client} onChange=${(event) => setChosen(event.target.value)}>${clients.map(({ name }) => html`<option value=${name}>${name}</option>`)}</select></label>
      <label>suite <input class="mono" list="suites" value=${suite} onInput=${(event) => setSuite(event.target.value)} /></label>
      <datalist id="suites">${SUITES.map((each) => html`<option value=${each} />`)}</datalist>
      <${RoleButton} needs="admin" class="go" disabled=${isBusy || isRunning} onClick=${run}>Run check</${RoleButton}></form>
    ${problem && html`<${Note} kind="err"><p><b>Nothing was started.</b></p><p>${problem}</p></${Note}>`}`;
}

function State({ run }) {
  const [, , submit] = useSubmit();
  const { id, client, status, done, of, problem } = run;
  if (status === "running") {
    return html`<div class="wait" role="status"><p><b>${client}: ${of ? `${done} of ${plural(of, "mode")}` : "the check begins"}.</b></p>
      <progress max=${of || 1} value=${done} aria-label="modes that are done"></progress>
      <p><${RoleButton} needs="admin" onClick=${() => submit(() => remove(`/api/checks/${encodeURIComponent(id)}`))}>Stop</${RoleButton}></p></div>`;
  }
  if (status === "failed") return html`<${Note} kind="err"><p><b>${client} was not graded.</b></p><p>${problem}</p></${Note}>`;
  if (status === "stopped") return html`<${Note}><p>The check of ${client} was stopped.</p></${Note}>`;
  return null;
}
