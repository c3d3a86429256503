// Targets: other servers that the workbench may ask on somebody's behalf.
import { get, post, put, remove } from "../api.js";
import { html, signal, useState } from "../lib.js";
import { Glyph } from "../parts/marks.js";
import { useLoaded, useSubmit } from "../parts/loaded.js";
import { Complaint, RoleButton, Unavailable } from "../parts/problem.js";

export const targetsChanged = signal(0);

export function Targets() {
  const { value, problem, reload } = useLoaded(() => get("/api/targets"));
  const [trouble, isBusy, submit] = useSubmit();
  const [given, setGiven] = useState({ name: "", base_url: "http://127.0.0.1:", timeout_ms: "5000" });
  if (problem) return html`<section aria-labelledby="th"><h2 id="th">Targets</h2><${Unavailable} noun="Targets" problem=${problem} /></section>`;
  const set = (name) => (event) => setGiven({ ...given, [name]: event.target.value });
  const change = (act) => submit(async () => {
    await act();
    await reload();
    targetsChanged.value += 1;
  });
  const add = (event) => {
    event.preventDefault();
    change(async () => {
      await post("/api/targets", { ...given, timeout_ms: Number(given.timeout_ms) });
      setGiven({ ...given, name: "" });
    });
  };
  const path = (id) => `/api/targets/${encodeURIComponent(id)}`;
  return html`<section class="targets" aria-labelledby="th"><header class="bar"><h2 id="th">Targets <span class="n">${value?.targets.length ?? 0} of 50</span></h2></header>
    <div class="tablebox"><table class="sl"><tbody>
      <tr><td class="ic"><${Glyph} name="v-pass" /></td><th scope="row">local</th><td class="mono">this server</td><td></td><td></td></tr>
      ${(value?.targets ?? []).map((target) => html`<tr key=${target.id}><td class="ic"><${Glyph} name=${target.enabled ? "v-pass" : "v-na"} /></td><th scope="row">${target.name}</th>
        <td class="mono">${target.base_url}</td><td class="num">${target.timeout_ms / 1000} s</td>
        <td class="ic"><${RoleButton} needs="admin" class="plain" onClick=${() => change(() => put(path(target.id), { enabled: !target.enabled }))}>${target.enabled ? "disable" : "enable"}</${RoleButton}>
          <${RoleButton} needs="admin" class="plain danger" onClick=${() => change(() => remove(path(target.id)))}>delete</${RoleButton}></td></tr>`)}
    </tbody></table></div>
    <form class="inline" aria-label="A new target" onSubmit=${add}><label>name <input value=${given.name} onInput=${set("name")} required /></label>
      <label>address <input class="mono" value=${given.base_url} onInput=${set("base_url")} required /></label>
      <label>timeout <input class="num w4" value=${given.timeout_ms} onInput=${set("timeout_ms")} inputmode="numeric" /> ms</label>
      <${RoleButton} needs="admin" type="submit" disabled=${isBusy}>Add</${RoleButton}><${Complaint} text=${trouble} /></form></section>`;
}
