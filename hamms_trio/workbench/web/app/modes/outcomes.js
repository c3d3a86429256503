// How named clients fared with a mode: measured once for each release, and no verdicts.
import { get } from "../api.js";
import { html, signal, useEffect } from "../lib.js";
import { Glyph } from "../parts/marks.js";

const table = signal(null);
let isAsked = false;

export function useOutcomes() {
  useEffect(() => {
    if (isAsked) return;
    isAsked = true;
    get("/_hamms/outcomes", { quiet: true }).then((found) => (table.value = found), () => (isAsked = false));
  }, []);
  return table.value;
}

// Words that fit what a correct client owes; all others have a shape of their own.
const FITS = { error: ["error"], exact: ["whole"], error_or_exact: ["error", "whole"], timeout: ["error", "waits"], bounded: ["error", "waits"] };
const SHAPES = { error: "v-rejected", truncated: "v-trunc", empty: "v-trunc", waits: "v-hang", whole: "v-warn" };
const ORDER = ["truncated", "empty", "other", "whole", "waits", "error"];

// Groups of clients with the same outcome, those that fit last: [{word, meaning, mark, clients}].
export function groupsOf(mode, { clients, outcomes, meanings }) {
  const found = new Map();
  (outcomes[mode.name] ?? []).forEach((word, index) => found.set(word, [...(found.get(word) ?? []), clients[index]]));
  const fits = FITS[mode.client.outcome] ?? [];
  const place = (word) => (fits.includes(word) ? 1 : 0);
  return [...found].sort(([a], [b]) => place(a) - place(b) || ORDER.indexOf(a) - ORDER.indexOf(b)).map(([word, those]) => ({
    word, meaning: meanings[word], clients: those, mark: fits.includes(word) ? "v-pass" : (fits.length && SHAPES[word]) || "v-info",
  }));
}

export function Outcomes({ mode }) {
  const known = useOutcomes();
  if (!known) return null;
  const groups = groupsOf(mode, known);
  const alike = known.alike[mode.slug];
  if (!groups.length && !alike) return null;
  return html`<section class="fared" aria-label="How clients fared"><h3>How clients fared</h3>
    ${groups.length > 0 && html`<${Strip} groups=${groups} /><ul class="plainlist">${groups.map(({ meaning, mark, clients }) => html`<li>
      <${Glyph} name=${mark} /><span><b>${clients.length} of ${known.clients.length}</b> ${meaning}: <span class="mono">${clients.join(", ")}</span></span></li>`)}</ul>`}
    ${alike && html`<p>${alike.replaceAll("`", "")}</p>`}
    <p class="hint">${groups.length > 0 && "Each client asked once by GET, with a timeout of 6 s. "}Outcomes are recorded, and are no verdicts: <a href="#/matrix">a check</a> grades.</p>
  </section>`;
}

// One mark for each client, the remarkable ones first.
export function Strip({ groups }) {
  return html`<span class="strip" aria-hidden="true">${groups.flatMap(({ mark, clients }) => clients.map((client) => html`<span title=${client}><${Glyph} name=${mark} /></span>`))}</span>`;
}

// A sentence about one mode, for the first view.
export function Population({ mode }) {
  const known = useOutcomes();
  const groups = known ? groupsOf(mode, known) : [];
  if (!groups.length) return null;
  const number = known.clients.length;
  return html`<p class="row"><${Glyph} name="v-info" /><b>${number} clients</b><span><${Strip} groups=${groups} />${groups.map(({ clients, meaning }) => `${clients.length === number ? "all" : clients.length} ${meaning}`).join(", ")}</span></p>`;
}
