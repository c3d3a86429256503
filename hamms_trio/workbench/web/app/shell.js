// The frame around every view: the top bar, the keys, the dialogs, and what is said when the server is gone.
import { asksForLogin, isOpenMode, role } from "./account.js";
import { goneSince, identify } from "./api.js";
import { clock, count } from "./format.js";
import { health, load, modes, ports } from "./lab.js";
import { html, useEffect, useState } from "./lib.js";
import { openConnections } from "./live/connections.js";
import { LoginDialog } from "./login.js";
import { Note } from "./parts/marks.js";
import { route } from "./router.js";
import { cursor, stream } from "./stream.js";
import { switchTheme } from "./theme.js";

const VIEWS = [["modes", "Modes"], ["live", "Live"], ["matrix", "Matrix"], ["workbench", "Workbench"]];
const KEYS = [
  ["/", "searches the view; Enter opens the first mode"], ["1 to 4", "change the view"], ["j, k", "go to the next or the previous mode, or connection of a client"],
  ["Escape", "closes a detail"], ["?", "lists the keys"],
];

export function Shell({ children }) {
  const [showsKeys, setShowsKeys] = useState(false);
  useEffect(() => {
    const press = (event) => onKey(event, () => setShowsKeys(true));
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const view = route.value.parts[0];
  return html`
    <a class="skip" href="#main" onClick=${focusMain}>Skip to the content</a>
    <${Top} view=${view} />
    <main id="main" tabindex="-1" class="v-${view}">
      ${goneSince.value > 0 && html`<${Gone} />`}
      ${children}
    </main>
    <footer class="foot"><p>Served by the workbench on ${location.host}. The page asks nobody else. <kbd>/</kbd> searches,${" "}
      <kbd>1</kbd> to <kbd>4</kbd> change the view, <button type="button" class="plain" onClick=${() => setShowsKeys(true)}><kbd>?</kbd> lists the keys</button>.</p></footer>
    ${asksForLogin.value && html`<${LoginDialog} />`}
    ${showsKeys && html`<${Keys} onClose=${() => setShowsKeys(false)} />`}`;
}

function focusMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function Top({ view }) {
  const lab = health.value;
  return html`<header class="top">
    <a class="name" href="#/modes">hamms-trio</a>
    <nav aria-label="Views">${VIEWS.map(([name, title], index) => html`<a href="#/${name}" aria-current=${name === view ? "page" : undefined}>
      <kbd>${index + 1}</kbd>${title}</a>`)}</nav>
    <dl class="state">
      <div class="run"><dt>state</dt><dd><${Lamp} /></dd></div>
      ${ports.value && html`<div><dt>lab</dt><dd>${ports.value}</dd></div>`}
      ${lab && html`<div class="opt"><dt>seed</dt><dd>${lab.seed}</dd></div><div class="opt"><dt>speed</dt><dd>×${lab.speed}</dd></div>`}
      <div class="opt"><dt>event</dt><dd>${count(cursor.value)}</dd></div>
      <div><dt>open</dt><dd>${count(openConnections.value)}</dd></div>
    </dl>
    <div class="who">
      <button type="button" class="plain" title=${isOpenMode.value ? "Everybody is an admin here; switch role" : "Switch role"}
        onClick=${() => (asksForLogin.value = "Choose who you are.")}>${role.value}</button>
      <button type="button" class="plain" title="Switch between light and dark" onClick=${switchTheme}>theme</button>
    </div>
  </header>`;
}

function Lamp() {
  const { state, reason } = stream.value;
  if (goneSince.value) return html`<i class="led gone"></i>gone`;
  if (state === "open") return html`<i class="led"></i>running`;
  if (state === "off") return html`<i class="led held" title=${reason}></i>no live events`;
  return html`<i class="led held" title=${reason}></i>${state}`;
}

function Gone() {
  const again = () => Promise.all([identify(), load()]);
  return html`<${Note} kind="err">
    <p><b>The workbench does not answer since ${clock(goneSince.value, 0)}.</b></p>
    <p>The page asks again by itself. Everything on it is as it was then.</p>
    <button type="button" onClick=${again}>Ask now</button>
  </${Note}>`;
}

function Keys({ onClose }) {
  return html`<${Dialog} title="Keys" onClose=${onClose}>
    <dl class="res keys">${KEYS.map(([key, effect]) => html`<dt><kbd>${key}</kbd></dt><dd>${effect}</dd>`)}</dl>
    <p class="act"><button type="button" class="go" onClick=${onClose}>Close</button></p>
  </${Dialog}>`;
}

export function Dialog({ title, onClose, children }) {
  const open = (element) => {
    if (element && !element.open) element.showModal();
  };
  return html`<dialog ref=${open} aria-label=${title} onClose=${onClose}><h2>${title}</h2>${children}</dialog>`;
}

function onKey(event, showKeys) {
  const isTyping = event.target.closest?.("input, textarea, select, dialog, [contenteditable]");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !event.target.closest?.("dialog")) {
    const close = document.querySelector(".drawer [data-close]");
    if (isTyping) event.target.blur();
    else close?.click();
    return;
  }
  if (isTyping) return;
  if (event.key === "/") {
    const find = document.querySelector("[data-find]");
    if (find) {
      event.preventDefault();
      find.focus();
    }
  } else if (event.key === "?") showKeys();
  else if (/^[1-4]$/.test(event.key)) location.hash = `#/${VIEWS[Number(event.key) - 1][0]}`;
  else if (event.key === "j" || event.key === "k") {
    document.querySelector(event.key === "j" ? "a[rel=next]" : "a[rel=prev]")?.click();
  }
}

export function isWaiting() {
  return modes.value === null;
}
