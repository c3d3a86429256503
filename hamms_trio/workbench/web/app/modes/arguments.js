// Arguments of a failure mode: what the reader has filled in, checked, and written for each door.

// The values that differ from the defaults, by name.
export function given(mode, values) {
  return Object.fromEntries(
    [...mode.parameters, ...mode.modifiers]
      .filter(({ name }) => (values[name] ?? "") !== "")
      .map(({ name }) => [name, String(values[name])]),
  );
}

// Why a value can't be used, as a sentence; "" if it can.
export function problemOf(parameter, text) {
  if (text === undefined || text === "") return "";
  const { type, minimum, maximum, choices, maximum_length: longest } = parameter;
  const rule = `give ${parameter.takes}`;
  if (choices && type === "str" && !choices.includes(text)) return `“${text}” is not offered: ${rule}.`;
  if (longest !== undefined && text.length > longest) return `${text.length} characters are too many: ${rule}.`;
  if (type !== "int" && type !== "float") return "";
  const number = Number(text);
  const isRight = type === "int" ? /^[+-]?\d+$/.test(text) : text.trim() !== "" && Number.isFinite(number);
  if (!isRight) return `“${text}” can't be used: ${rule}.`;
  if ((minimum !== undefined && number < minimum) || (maximum !== undefined && number > maximum)) {
    return `${text} is out of range: ${rule}.`;
  }
  return "";
}

export function problemsOf(mode, values) {
  return [...mode.parameters, ...mode.modifiers]
    .map((parameter) => [parameter.name, problemOf(parameter, values[parameter.name])])
    .filter(([, problem]) => problem);
}

// A mode and its arguments in one word, as in a path's segment.
export function labelOf(mode, values) {
  const chosen = Object.entries(given(mode, values));
  const name = encodeURIComponent(mode.name);
  return name + chosen.map(([key, value]) => `--${key.replaceAll("_", "-")}-${encodeURIComponent(value)}`).join("");
}

export function queryOf(mode, values) {
  const text = new URLSearchParams(given(mode, values)).toString();
  return text ? `?${text}` : "";
}
