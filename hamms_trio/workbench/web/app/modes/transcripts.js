// Transcripts by label, fetched once each and a few at a time.
import { get } from "../api.js";
import { useEffect, useState } from "../lib.js";

const AT_ONCE = 4;
const known = new Map(); // label -> promise of a document
const waiting = [];
let running = 0;

export function transcript(label) {
  if (!known.has(label)) {
    known.set(label, new Promise((resolve, reject) => waiting.push({ label, resolve, reject })));
    next();
  }
  return known.get(label);
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    const { label, resolve, reject } = waiting.shift();
    running += 1;
    get(`/api/transcripts/${encodeURIComponent(label)}`, { quiet: true })
      .then(resolve, (error) => {
        known.delete(label);
        reject(error);
      })
      .finally(() => {
        running -= 1;
        next();
      });
  }
}

// A component's transcript: {told, problem}; the one before is kept while the next is fetched.
export function useTranscript(label, isWanted = true) {
  const [state, setState] = useState({ told: null, problem: "" });
  useEffect(() => {
    if (!isWanted) return undefined;
    let isCurrent = true;
    transcript(label).then(
      (told) => isCurrent && setState({ told, problem: "" }),
      (error) => isCurrent && setState((before) => ({ told: before.told, problem: error.message })),
    );
    return () => (isCurrent = false);
  }, [label, isWanted]);
  return state;
}
