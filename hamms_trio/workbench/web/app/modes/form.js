// The form of a mode: its parameters, and the modifiers that every mode has.
import { html, useState } from "../lib.js";
import { Glyph, Inline } from "../parts/marks.js";
import { problemOf } from "./arguments.js";

export function ArgumentForm({ mode, values, onChange }) {
  return html`<form class="form" aria-label="Arguments" onSubmit=${(event) => event.preventDefault()}>
    ${mode.parameters.map((parameter) => html`<${Parameter} key=${parameter.name} parameter=${parameter} given=${mode.given[parameter.name]}
      value=${values[parameter.name] ?? ""} onChange=${onChange} />`)}
    ${!mode.parameters.length && html`<p class="hint wide-hint">This mode has no parameters of its own.</p>`}
    ${mode.modifiers.length > 0 && html`<fieldset class="mods"><legend>Modifiers, the same for every mode</legend>
      ${mode.modifiers.map((modifier) => html`<${Modifier} key=${modifier.name} modifier=${modifier} value=${values[modifier.name] ?? ""} onChange=${onChange} />`)}
    </fieldset>`}
  </form>`;
}

// Validation speaks when the reader leaves the field, and never while typing.
function useLeft(parameter, value, onChange) {
  const [isLeft, setIsLeft] = useState(Boolean(value));
  const problem = isLeft ? problemOf(parameter, value) : "";
  return {
    problem,
    events: {
      onInput: (event) => {
        setIsLeft(false);
        onChange(parameter.name, event.target.value);
      },
      onBlur: () => setIsLeft(true),
    },
  };
}

function Parameter({ parameter, given, value, onChange }) {
  const { name, type, unit, choices } = parameter;
  const { problem, events } = useLeft(parameter, value, onChange);
  const id = `p-${name}`;
  const standard = given ?? parameter.default;
  const hint = html`<p id="${id}-h" class="hint ${problem ? "bad" : ""}">${problem
    ? html`<${Glyph} name="v-crash" />${problem}`
    : html`<${Inline} text="${parameter.takes}; ${standard === null ? "the server's own by default" : `${standard} by default`}" />`}</p>`;
  const common = { id, "aria-describedby": `${id}-h`, "aria-invalid": problem ? "true" : undefined };
  if (choices) {
    return html`<label for=${id}>${name}</label><div class="fld"><select ...${common} value=${value} onChange=${events.onInput}>
      <option value="">${String(standard)} (default)</option>${choices.filter((each) => each !== String(standard)).map((each) => html`<option value=${each}>${each}</option>`)}
    </select></div>${hint}`;
  }
  const isNumber = type === "int" || type === "float";
  return html`<label for=${id}>${name}</label><div class="fld ${problem ? "bad" : ""}">
    <input ...${common} ...${events} class=${isNumber ? "num" : "mono"} inputmode=${isNumber ? "decimal" : undefined} value=${value}
      placeholder=${standard ?? ""} autocomplete="off" />${unit && html`<span class="u">${unit}</span>`}</div>${hint}`;
}

function Modifier({ modifier, value, onChange }) {
  const { problem, events } = useLeft(modifier, value, onChange);
  return html`<label title=${problem || modifier.takes}><span>${modifier.name}</span>
    <input ...${events} class="mono" value=${value} placeholder=${modifier.default ?? "auto"} aria-invalid=${problem ? "true" : undefined} autocomplete="off" />
  </label>${problem && html`<p class="hint bad wide-hint" role="alert"><${Glyph} name="v-crash" />${modifier.name}: ${problem}</p>`}`;
}
