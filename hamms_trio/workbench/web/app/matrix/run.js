// A check that the server runs over one of the clients that it knows: never a command line.
import { get, post } from "../api.js";
import { html, useState } from "../lib.js";
import { Note } from "../parts/marks.js";
import { useLoaded, useSubmit } from "../parts/loaded.js";
import { RoleButton } from "../parts/problem.js";

export function RunCheck({ onReport }) {
  const { value } = useLoaded(() => get("/api/check/clients", { quiet: true }).catch(() => null));
  const [chosen, setChosen] = useState("");
  const [suite, setSuite] = useState("core");
  const [problem, isBusy, submit] = useSubmit();
  const clients = value?.clients ?? [];
  if (!clients.length) return null;
  const client = chosen || clients[0].name;
  const run = () => submit(async () => onReport(JSON.stringify(await post("/api/check/run", { client, suite }))));
  return html`<form class="inline runcheck" aria-label="Run a check" onSubmit=${(event) => event.preventDefault()}>
    <label>client <select value=${client} onChange=${(event) => setChosen(event.target.value)}>${clients.map(({ name, version }) => html`<option value=${name}>${name} ${version}</option>`)}</select></label>
    <label>suite <input class="mono" value=${suite} onInput=${(event) => setSuite(event.target.value)} /></label>
    <${RoleButton} needs="admin" class="go" disabled=${isBusy} onClick=${run}>${isBusy ? "The check is under way" : "Run check"}</${RoleButton}>
    ${problem && html`<${Note} kind="err"><p><b>Nothing was graded.</b></p><p>${problem}</p></${Note}>`}</form>`;
}
