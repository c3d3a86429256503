// Two answers side by side, as one list of lines with what was removed and what was added.
import { milliseconds } from "../format.js";
import { html } from "../lib.js";
import { difference, linesOf } from "./difference.js";

export function Diff({ before, after, times }) {
  const lines = difference(linesOf(before), linesOf(after));
  const number = lines.filter(({ sign }) => sign === "+").length + lines.filter(({ sign }) => sign === "-").length;
  return html`<p class="hint">${number ? `${number} lines differ` : "The two answers are the same"}.</p>
    <div class="tablebox"><table class="difft"><tbody>
    ${lines.map(({ sign, number: place, text, mark }) => html`<tr class=${{ "-": "del", "+": "add" }[sign] ?? ""}><td class="ln">${place}</td><td>${sign}</td>
      <td class="mono">${mark ? html`${text.slice(0, mark[0])}<mark>${text.slice(...mark)}</mark>${text.slice(mark[1])}` : text}</td></tr>`)}
    ${times && html`<tr class="del"><td class="ln"></td><td>-</td><td class="n">${milliseconds(times[0])}</td></tr><tr class="add"><td class="ln"></td><td>+</td><td class="n">${milliseconds(times[1])}</td></tr>`}
  </tbody></table></div>`;
}
