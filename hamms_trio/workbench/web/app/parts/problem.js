// What is said instead of a list that can't be shown, and beneath a form that was refused.
import { asksForLogin, reasonOff, role } from "../account.js";
import { html } from "../lib.js";
import { Glyph, Note } from "./marks.js";

export function Unavailable({ noun, problem }) {
  if (problem.status === 404) return html`<${Note}><p><b>${noun} are off here.</b></p><p>The workbench was started without them.</p></${Note}>`;
  if (problem.status === 401 || problem.status === 403) {
    return html`<${Note} glyph="v-held"><p><b>${noun} need another role, and you are ${role.value}.</b></p>
      <button type="button" onClick=${() => (asksForLogin.value = "Choose who you are.")}>Switch role</button></${Note}>`;
  }
  return html`<${Note} kind="err"><p><b>${noun} can't be shown.</b></p><p>${problem.message}</p></${Note}>`;
}

export function Complaint({ text }) {
  return text ? html`<p class="hint bad" role="alert"><${Glyph} name="v-crash" />${text}</p>` : null;
}

// A button that is off, and says why, for those whose role is not enough.
export function RoleButton({ needs, children, disabled, ...rest }) {
  const reason = reasonOff(needs);
  return html`<button type="button" ...${rest} disabled=${Boolean(reason) || disabled} title=${reason ?? rest.title}>${children}</button>`;
}
