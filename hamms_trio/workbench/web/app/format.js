// Numbers, times and octets as the page writes them.
const THIN = "\u2009";

export function count(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

export function seconds(value) {
  if (value < 0.0995) return `${(value * 1000).toFixed(value < 0.00995 ? 1 : 0)} ms`;
  return `${value.toFixed(value < 100 ? 1 : 0)} s`;
}

export function milliseconds(value) {
  return `${value < 1 ? value.toFixed(2) : value < 1000 ? value.toFixed(1) : count(value)} ms`;
}

export function octets(number) {
  return `${count(number)} octet${number === 1 ? "" : "s"}`;
}

export function size(number) {
  if (number < 1000) return `${number} B`;
  if (number < 1e6) return `${(number / 1000).toFixed(1)} kB`;
  return `${(number / 1e6).toFixed(1)} MB`;
}

// The time of day of seconds since the epoch, with milliseconds.
export function clock(epoch, digits = 3) {
  const at = new Date(epoch * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return digits ? `${time}.${String(at.getMilliseconds()).padStart(3, "0").slice(0, digits)}` : time;
}

export function epochOf(timestamp) {
  return Date.parse(timestamp) / 1000;
}

export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

// Octets as a reader can see them: line ends and control characters are written as escapes.
export function shown(text) {
  return [...text].map(escaped).join("");
}

const NAMED = { "\r": "\\r", "\n": "\\n", "\t": "\\t" };

function escaped(character) {
  const code = character.charCodeAt(0);
  if (NAMED[character]) return NAMED[character];
  if (code < 32 || (code > 126 && code < 161)) return `\\x${code.toString(16).padStart(2, "0")}`;
  return character;
}

export function sum(numbers) {
  return numbers.reduce((total, each) => total + each, 0);
}

export function percentile(ordered, percent) {
  if (!ordered.length) return NaN;
  const place = ((ordered.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, ordered.length - 1);
  return ordered[below] + (ordered[above] - ordered[below]) * (place - below);
}
