// The dialog in which the reader logs in, pastes a token, or leaves.
import { asksForLogin, identity, isOpenMode, role, token } from "./account.js";
import { logIn, logOut, useToken } from "./api.js";
import { html, useState } from "./lib.js";
import { Glyph } from "./parts/marks.js";
import { Dialog } from "./shell.js";

export function LoginDialog() {
  const [problem, setProblem] = useState("");
  const [pastes, setPastes] = useState(false);
  const close = () => (asksForLogin.value = "");
  const attempt = (act) => async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    try {
      await act(given);
      close();
    } catch (error) {
      setProblem(error.message);
    }
  };
  const leave = attempt(() => logOut());
  return html`<${Dialog} title="Switch role" onClose=${close}>
    <p class="hint">${asksForLogin.value} You are <b>${identity.value?.username ?? "nobody"}</b>, with the role <b>${role.value}</b>.
      ${isOpenMode.value && " No accounts are set up here, so everybody is an admin."}</p>
    ${pastes
      ? html`<form class="form role" onSubmit=${attempt(({ text }) => useToken(text.trim()))}>
          <label for="t1">token</label><input id="t1" name="text" autocomplete="off" required />
          <${Act} problem=${problem} verb="Use this token" other="Log in by name" onOther=${() => setPastes(false)} />
        </form>`
      : html`<form class="form role" onSubmit=${attempt(({ username, password }) => logIn(username, password))}>
          <label for="l1">name</label><input id="l1" name="username" autocomplete="username" required />
          <label for="l2">password</label><input id="l2" name="password" type="password" autocomplete="current-password" required />
          <${Act} problem=${problem} verb="Log in" other="Paste a token" onOther=${() => setPastes(true)} />
        </form>`}
    <form class="act" onSubmit=${leave}><button type="button" onClick=${close}>Cancel</button>
      ${token.value && html`<button type="submit" class="plain danger">Log out, and forget the token</button>`}</form>
  </${Dialog}>`;
}

function Act({ problem, verb, other, onOther }) {
  return html`${problem && html`<p class="hint bad" role="alert"><${Glyph} name="v-crash" />${problem}</p>`}
    <p class="hint">The token stays in this tab, and goes with it.</p>
    <p class="act"><button type="submit" class="go">${verb}</button><button type="button" onClick=${onOther}>${other}</button></p>`;
}
