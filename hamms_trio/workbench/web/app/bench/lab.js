// The request lab: one request to this server or to a target, and what came back.
import { get, post } from "../api.js";
import { milliseconds, octets, shown } from "../format.js";
import { html, signal, useState } from "../lib.js";
import { useLoaded, useSubmit } from "../parts/loaded.js";
import { Complaint, RoleButton } from "../parts/problem.js";
import { parsed } from "./mocks.js";
import { targetsChanged } from "./targets.js";

const asked = signal({ method: "GET", path: "/", target: "local", headers: "{}", body: "" });
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

export function Lab() {
  const { value } = useLoaded(() => get("/api/targets").catch(() => ({ targets: [] })), [targetsChanged.value]);
  const [answer, setAnswer] = useState(null);
  const [isOpen, setIsOpen] = useState(false);
  const [problem, isBusy, submit] = useSubmit();
  const values = asked.value;
  const set = (name) => (event) => (asked.value = { ...values, [name]: event.target.value });
  const send = (event) => {
    event.preventDefault();
    submit(async () => {
      const begun = performance.now();
      const request = { method: values.method, path: values.path, headers: parsed("headers", values.headers || "{}"), body: values.body };
      const came = values.target === "local" ? await post("/api/playground/request", request) : await post("/api/proxy/request", { ...request, target_id: values.target });
      setAnswer({ ...came.response, took: performance.now() - begun, trace: came.trace_id });
    });
  };
  return html`<form class="labform" aria-label="Send a request" onSubmit=${send}>
    <div class="inline lab"><select aria-label="method" value=${values.method} onChange=${set("method")}>${METHODS.map((each) => html`<option>${each}</option>`)}</select>
      <input aria-label="path" class="mono" value=${values.path} onInput=${set("path")} />
      <label>to <select value=${values.target} onChange=${set("target")}><option>local</option>${(value?.targets ?? []).map(({ id, name }) => html`<option value=${id}>${name}</option>`)}</select></label>
      <button type="button" class="plain" aria-expanded=${isOpen} onClick=${() => setIsOpen(!isOpen)}>headers, body</button>
      <${RoleButton} needs="operator" type="submit" disabled=${isBusy}>Send</${RoleButton}></div>
    ${isOpen && html`<div class="form"><label for="lh">headers</label><textarea id="lh" class="mono" rows="2" value=${values.headers} onInput=${set("headers")}></textarea>
      <label for="lb">body</label><textarea id="lb" class="mono" rows="3" value=${values.body} onInput=${set("body")}></textarea></div>`}
    <${Complaint} text=${problem} />
    <div aria-live="polite">${answer && html`<${Answer} answer=${answer} />`}</div></form>`;
}

function Answer({ answer }) {
  const { status, headers, body, took, trace, body_encoding: coding } = answer;
  const length = coding === "base64" ? Math.floor((body.length * 3) / 4) : new Blob([body]).size;
  return html`<dl class="res answer"><dt>status</dt><dd class="n">${status}</dd><dt>took</dt><dd class="n">${milliseconds(took)}, the page's own way included</dd><dt>body</dt><dd class="n">${octets(length)}${coding ? `, ${coding}` : ""}</dd>
    ${trace && html`<dt>trace</dt><dd class="mono">${trace}</dd>`}
    <dt>fields</dt><dd><pre tabindex="0"><code>${Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join("\n")}</code></pre></dd>
    <dt>begins</dt><dd class="mono">${shown(body.slice(0, 600))}</dd></dl>`;
}
