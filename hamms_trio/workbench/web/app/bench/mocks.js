// Mocks: the list, and the editor of one.
import { get, post, put, remove } from "../api.js";
import { size } from "../format.js";
import { html, signal, useEffect, useState } from "../lib.js";
import { Empty } from "../parts/marks.js";
import { useLoaded, useSubmit } from "../parts/loaded.js";
import { Complaint, RoleButton, Unavailable } from "../parts/problem.js";
import { go, link } from "../router.js";

const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
const MAIN = ["id", "created_at", "updated_at", "method", "path_pattern", "status", "content_type", "headers", "body", "fail"];
const EXAMPLE = { method: "GET", path_pattern: "/api/orders/{id}", status: 200, content_type: "application/json", headers: {}, body: '{"id": "{{path.id}}", "total": 42.5}' };

export const mocksChanged = signal(0); // grows with each change, so that other sections look again
export const draft = signal(null); // the mock that another section has begun, such as from the history

export function Mocks({ id, isAlone }) {
  const { value, problem, reload } = useLoaded(() => get("/api/mocks"), [mocksChanged.value]);
  const mocks = value?.mocks ?? [];
  const chosen = id === "new" ? draft.value ?? {} : mocks.find((each) => each.id === id);
  const close = () => {
    draft.value = null;
    go("#/workbench/mocks");
  };
  const done = async () => {
    await reload();
    mocksChanged.value += 1;
    close();
  };
  return html`<section class="mocks" aria-labelledby="mh"><header class="bar"><h2 id="mh">Mocks <span class="n">${mocks.length} of 200</span></h2>
      <${RoleButton} needs="admin" onClick=${() => go("#/workbench/mocks/new")}>New mock</${RoleButton}></header>
    ${problem && html`<${Unavailable} noun="Mocks" problem=${problem} />`}
    ${value && !mocks.length && !chosen && html`<${Nothing} />`}
    ${mocks.length > 0 && html`<div class="tablebox"><table class="fixed"><thead><tr><th scope="col" class="word">method</th><th scope="col">path</th><th scope="col" class="num few">status</th><th scope="col" class="num opt few">body</th></tr></thead>
      <tbody>${mocks.map((mock) => html`<tr key=${mock.id} class=${mock.id === id ? "on" : ""}><td class="mono">${mock.method}</td>
        <th scope="row" class="mono path"><a href=${link("workbench", "mocks", mock.id)} title=${mock.path_pattern}>${mock.path_pattern}</a></th>
        <td class="num">${mock.fail ? html`<span title="a failure mode">${mock.fail}</span>` : mock.status}</td><td class="num opt">${size(new Blob([mock.body]).size)}</td></tr>`)}</tbody></table></div>`}
    ${id && value && (chosen ? html`<${Editor} key=${id} mock=${chosen} isNew=${id === "new"} onDone=${done} onClose=${close} />`
      : html`<p class="hint">The mock ${id} does not exist any more. <a href="#/workbench/mocks">All mocks</a></p>`)}
    ${isAlone && html`<p class="links"><a href="#/workbench">The whole workbench</a></p>`}
  </section>`;
}

function Nothing() {
  const example = () => {
    draft.value = EXAMPLE;
    go("#/workbench/mocks/new");
  };
  return html`<${Empty}><p><b>This server has no answers of yours yet.</b></p><p>A mock is a method, a path, and the answer to give.</p>
    <p><${RoleButton} needs="admin" class="go" onClick=${() => go("#/workbench/mocks/new")}>New mock</${RoleButton}> <${RoleButton} needs="admin" onClick=${example}>Load an example</${RoleButton}></p></${Empty}>`;
}

function Editor({ mock, isNew, onDone, onClose }) {
  const [values, setValues] = useState(() => textsOf(mock));
  const [problem, isBusy, submit] = useSubmit();
  const set = (name) => (event) => setValues({ ...values, [name]: event.target.value });
  const save = (event) => {
    event.preventDefault();
    submit(async () => {
      const document = documentOf(values);
      await (isNew ? post("/api/mocks", document) : put(`/api/mocks/${encodeURIComponent(mock.id)}`, document));
      await onDone();
    });
  };
  const drop = () => submit(async () => {
    await remove(`/api/mocks/${encodeURIComponent(mock.id)}`);
    await onDone();
  });
  useEffect(() => {
    document.getElementById("m2")?.focus({ preventScroll: true });
  }, []);
  const isPath = /path|already exists|reserved/.test(problem);
  return html`<form class="form edit" aria-label=${isNew ? "A new mock" : "Edit the mock"} onSubmit=${save}>
    <label for="m1">method</label><div class="fld"><select id="m1" value=${values.method} onChange=${set("method")}>${METHODS.map((each) => html`<option>${each}</option>`)}</select></div>
    <label for="m2">path</label><div class="fld ${isPath ? "bad" : ""}"><input id="m2" class="mono" value=${values.path_pattern} onInput=${set("path_pattern")} required aria-invalid=${isPath ? "true" : undefined} /></div>
    <label for="m3">status</label><div class="fld"><input id="m3" class="num w4" value=${values.status} onInput=${set("status")} inputmode="numeric" /></div>
    <label for="m7">fails by</label><div class="fld"><input id="m7" class="mono" value=${values.fail} onInput=${set("fail")} placeholder="a failure mode, such as frame-cl-short-fin" /></div>
    <label for="m5">type</label><div class="fld"><input id="m5" class="mono" value=${values.content_type} onInput=${set("content_type")} /></div>
    <label for="m6">headers</label><div class="fld"><textarea id="m6" rows="2" class="mono" value=${values.headers} onInput=${set("headers")}></textarea></div>
    <label for="m4">body</label><div class="fld"><textarea id="m4" rows="4" class="mono" value=${values.body} onInput=${set("body")}></textarea></div>
    <label for="m8">more</label><div class="fld"><textarea id="m8" rows="2" class="mono" value=${values.more} onInput=${set("more")} placeholder='{"delay_ms": 50, "sequence": []}'></textarea></div>
    <div class="act"><${Complaint} text=${problem} /></div>
    <p class="act"><${RoleButton} needs="admin" type="submit" class="go" disabled=${isBusy}>Save</${RoleButton}><button type="button" onClick=${onClose}>Cancel</button>
      ${!isNew && html`<${RoleButton} needs="admin" class="plain danger" disabled=${isBusy} onClick=${drop}>Delete</${RoleButton}>`}</p></form>`;
}

function textsOf(mock) {
  const more = Object.fromEntries(Object.entries(mock).filter(([name]) => !MAIN.includes(name)));
  return {
    method: mock.method ?? "GET", path_pattern: mock.path_pattern ?? "/", status: String(mock.status ?? 200), fail: mock.fail ?? "",
    content_type: mock.content_type ?? "application/json", headers: JSON.stringify(mock.headers ?? {}), body: mock.body ?? "",
    more: Object.keys(more).length ? JSON.stringify(more) : "",
  };
}

function documentOf({ status, headers, more, fail, ...texts }) {
  const number = /^\d+$/.test(status.trim()) ? Number(status) : status;
  return { ...texts, status: number, headers: parsed("headers", headers || "{}"), ...parsed("more", more || "{}"), fail };
}

export function parsed(name, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is no JSON: ${error.message}`);
  }
}
