// The difference of two lists of lines: the longest common part stays, the rest is removed or added.
const MOST = 400; // lines of each that are compared

// Returns [{sign: "" | "-" | "+", number, text, marks}]; marks are [from, to] of what differs within a line.
export function difference(before, after) {
  const [a, b] = [before.slice(0, MOST), after.slice(0, MOST)];
  const table = lengths(a, b);
  const lines = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: "", number: i + 1, text: a[i] });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && table[i + 1][j] >= table[i][j + 1])) {
      lines.push({ sign: "-", number: i + 1, text: a[i] });
      i += 1;
    } else {
      lines.push({ sign: "+", number: j + 1, text: b[j] });
      j += 1;
    }
  }
  return marked(lines);
}

function lengths(a, b) {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

// Pairs of a removed and an added line: what they have in common at both ends is not marked.
function marked(lines) {
  for (let at = 0; at + 1 < lines.length; at += 1) {
    const [one, other] = [lines[at], lines[at + 1]];
    if (one.sign !== "-" || other.sign !== "+") continue;
    let head = 0;
    while (head < one.text.length && one.text[head] === other.text[head]) head += 1;
    let tail = 0;
    const most = Math.min(one.text.length, other.text.length) - head;
    while (tail < most && one.text.at(-1 - tail) === other.text.at(-1 - tail)) tail += 1;
    if (head + tail < 2) continue;
    one.mark = [head, one.text.length - tail];
    other.mark = [head, other.text.length - tail];
  }
  return lines;
}

// A response as lines: status, fields in order of their names, and the body.
export function linesOf({ status, headers = {}, body = "" }) {
  const fields = Object.entries(headers).map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort();
  return [`status ${status}`, ...fields, "", ...String(body).split("\n")];
}
