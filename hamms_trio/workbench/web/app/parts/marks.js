// Glyphs, notes, and the small components that every view uses.
import { html, useState } from "../lib.js";

export function Glyph({ name, kind = "" }) {
  return html`<svg class="g ${kind || name}" viewBox="0 0 16 16" aria-hidden="true"><use href="#${name}" /></svg>`;
}

export function Note({ kind = "", glyph, children }) {
  const shape = glyph ?? { err: "v-crash", warn: "v-warn" }[kind] ?? "v-info";
  return html`<div class="note ${kind}" role=${kind === "err" ? "alert" : "status"}>
    <${Glyph} name=${shape} /><div>${children}</div>
  </div>`;
}

let opener = null; // of the drawer that is open

// Brings a drawer that has opened into view, and lets the keyboard begin there; returns a function for its end, which
// gives the keyboard back to what has opened the drawer.
export function showDrawer(drawer) {
  const active = document.activeElement;
  if (!active.closest(".drawer")) opener = active;
  drawer.querySelector("[data-close]").focus({ preventScroll: true });
  const { top } = drawer.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) drawer.scrollIntoView({ block: "start" });
  return () => requestAnimationFrame(() => {
    if (!document.querySelector(".drawer") && opener?.isConnected) opener.focus();
  });
}

export function Empty({ children }) {
  return html`<div class="empty">${children}</div>`;
}

export function Copy({ text, label = "Copy", plain = false }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text).catch(() => {});
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return html`<button type="button" class=${plain ? "plain" : ""} onClick=${copy}>${copied ? "Copied" : label}</button>`;
}

export function Code({ text, label }) {
  return html`<div class="code"><pre tabindex="0" aria-label=${label}><code>${text}</code></pre><${Copy} text=${text} /></div>`;
}

export function Command({ text }) {
  return html`<div class="cmd"><code tabindex="0"><span class="pr">$ </span>${text}</code><${Copy} text=${text} /></div>`;
}

// A segmented choice; `options` are [value, content] pairs.
export function Choice({ legend, name, value, options, onChange, hidden = false }) {
  return html`<fieldset class="seg"><legend class=${hidden ? "vh" : ""}>${legend}</legend>
    ${options.map(([each, content]) => html`<label><input type="radio" name=${name} value=${each} checked=${each === value}
      onChange=${() => onChange(each)} />${content ?? each}</label>`)}
  </fieldset>`;
}

export function Find({ value, onInput, onEnter, placeholder, label, slash = true }) {
  return html`<label class="find"><${Glyph} name="i-find" kind="i" />
    <input type="search" value=${value} placeholder=${placeholder} aria-label=${label} data-find=${slash ? "" : undefined}
      onInput=${(event) => onInput(event.target.value)} onKeyDown=${(event) => event.key === "Enter" && onEnter?.()} />${slash && html`<kbd>/</kbd>`}
  </label>`;
}

export function Confidence({ seen }) {
  const filled = Math.min(3, seen);
  return html`<span class="conf" role="img" aria-label="seen ${seen} times">
    ${[0, 1, 2].map((index) => html`<i class=${index < filled ? "" : "o"} />`)}</span>`;
}

// Sections of an RFC in a text, as links.
export function Source({ text }) {
  const parts = text.split(/(RFC \d+(?: §[\d.]+)?)/g);
  return html`${parts.map((part) => {
    const found = /^RFC (\d+)(?: §([\d.]+))?$/.exec(part);
    if (!found) return part;
    const section = found[2] ? `#section-${found[2].replace(/\.$/, "")}` : "";
    return html`<a href="https://www.rfc-editor.org/rfc/rfc${found[1]}${section}" rel="noreferrer">${part}</a>`;
  })}`;
}

const SHAPES = { error: "error", timeout: "time", exact: "exact", error_or_exact: "exact", bounded: "time", retry: "retry", policy: "policy" };

export function Expectation({ outcome }) {
  return html`<span class="x x-${SHAPES[outcome] ?? "policy"}" aria-hidden="true"></span>`;
}

// Texts with `code` in backticks, and paragraphs.
export function Prose({ text }) {
  return html`${text.split(/\n\n+/).map((paragraph) => html`<p><${Inline} text=${paragraph.replace(/\s*\n\s*/g, " ")} /></p>`)}`;
}

export function Inline({ text }) {
  return html`${text.split(/(``?[^`]+``?)/g).map((part) => (/^`/.test(part) ? html`<code>${part.replace(/`/g, "")}</code>` : part))}`;
}
