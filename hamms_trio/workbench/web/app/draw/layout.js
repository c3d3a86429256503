// Places the moments of a transcript: y in pixels, to scale where time passes, spread where it does not.
const TOP = 44;
const ROW = 34; // the least distance of two arrows
const BODY = 34; // more, below a head whose body is drawn
const TALL = 320; // pixels for the time that is drawn to scale
const CUT = 52; // pixels for time that is left out
const SHORTEST_SILENCE = 0.25; // seconds
const MOST_ARROWS = 40;

// Returns {rows, gaps, height}: rows are moments with `y`; gaps have {from, to, seconds, isCut, isSilence}.
export function place(moments) {
  const rows = merged(moments).map((moment) => ({ ...moment }));
  const spans = rows.slice(1).map((row, index) => row.at - (rows[index].until || rows[index].at));
  const { scale, limit } = scaleFor(spans);
  const gaps = [];
  let y = TOP;
  rows.forEach((row, index) => {
    if (index) {
      const before = rows[index - 1];
      const span = Math.max(0, spans[index - 1]);
      const least = ROW + (before.body ? BODY : 0);
      const isCut = span > limit;
      const way = isCut ? CUT + least : Math.max(least, span * scale);
      if (span >= SHORTEST_SILENCE) {
        const isClients = row.kind === "request"; // the client lets time pass before it asks again
        gaps.push({ from: y + (before.body ? BODY : 0) + 8, to: y + way - 6, seconds: span, isCut, isClients, isTight: row.kind === "octet" });
      }
      y += way;
    }
    row.y = y;
  });
  const last = rows.at(-1);
  return { rows, gaps, height: (last ? last.y + (last.body ? BODY : 0) : TOP) + 44, scale, limit };
}

// A silence that would take more than a third of the drawing is cut, the longest first.
function scaleFor(spans) {
  const ordered = spans.filter((span) => span >= SHORTEST_SILENCE).sort((a, b) => a - b);
  let total = ordered.reduce((sum, span) => sum + span, 0);
  let limit = Infinity;
  while (ordered.length > 1 && ordered.at(-1) > total / 3 && ordered.at(-1) > 3 * ordered[0]) {
    const longest = ordered.pop();
    total -= longest;
    limit = ordered.at(-1);
  }
  if (ordered.length === 1 && ordered[0] > 10) limit = Math.min(limit, ordered[0] - 1e-9);
  return { scale: total ? TALL / total : 0, limit };
}

// Joins runs of the same kind from the same side, so that no more than so many arrows are drawn.
function merged(moments) {
  if (moments.length <= MOST_ARROWS) return moments;
  const kept = [];
  for (const moment of moments) {
    const last = kept.at(-1);
    const joins = last && kept.length >= MOST_ARROWS / 2 && last.by === moment.by && last.octets && moment.octets;
    if (!joins) {
      kept.push({ ...moment });
      continue;
    }
    const writes = (last.writes ?? 1) + (moment.writes ?? 1);
    Object.assign(last, { writes, octets: last.octets + moment.octets, until: moment.until || moment.at });
    Object.assign(last, { kind: "more", label: `${writes} writes, ${last.octets} octets`, short: `×${writes}` });
  }
  return kept;
}
