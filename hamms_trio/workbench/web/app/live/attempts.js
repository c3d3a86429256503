// Attempts: requests that a client sent again, by key, or by method and target where there is no key.
import { clientOf } from "./model.js";

const AT_ONCE = 0.1; // seconds; a pause that is no longer may be the start of a process
// A pause after which a request may still belong to the same call: some seconds, and more after longer pauses. Without
// a key, nothing else tells a retry from somebody who asks again.
const FIRST_PAUSE = 5;
const GROWTH = 4;
const LONGEST_PAUSE = 120;

// Returns calls, the newest first: {client, key, attempts: [{at, isGood, status, id}]}.
export function callsOf(connections) {
  const open = new Map();
  const calls = [];
  const requests = [];
  for (const connection of connections) {
    for (const request of connection.requests) requests.push([request, connection]);
    if (!connection.requests.length && connection.received === 0 && connection.closed !== null) {
      requests.push([{ at: connection.opened, method: "connect", target: connection.door, status: null, struck: true, key: "" }, connection]);
    }
  }
  requests.sort(([a], [b]) => a.at - b.at);
  for (const [request, connection] of requests) {
    const name = clientOf(connection);
    const key = request.key && request.key !== "default" ? request.key : `${request.method} ${request.target}`;
    const id = `${name}\n${connection.door}\n${key}`;
    const last = open.get(id);
    const attempt = { at: request.at, isGood: isGood(request, connection), status: request.status, id: connection.id };
    if (last && !last.isOver && belongs(request.at, last.attempts)) last.attempts.push(attempt);
    else {
      const call = { client: name, key, method: request.method, attempts: [attempt], isOver: false };
      open.set(id, call);
      calls.push(call);
    }
    if (attempt.isGood) open.get(id).isOver = true;
  }
  return calls.reverse();
}

function belongs(at, attempts) {
  const last = attempts.at(-1);
  const before = attempts.at(-2);
  const allowed = before ? FIRST_PAUSE + GROWTH * (last.at - before.at) : FIRST_PAUSE;
  return at - last.at < Math.min(LONGEST_PAUSE, allowed);
}

// A failure mode's port tells no status: a request that its fault spared got a healthy answer.
function isGood({ status, struck }, { reset }) {
  if (status) return status < 400;
  return !struck && reset === null;
}

// The pauses between attempts, in seconds.
export function pausesOf({ attempts }) {
  return attempts.slice(1).map(({ at }, index) => at - attempts[index].at);
}

// The law behind pauses: {kind: "none" | "fixed" | "exponential" | "irregular", first, isJittered}.
export function lawOf(pauses) {
  if (!pauses.length) return null;
  const [first] = pauses;
  const mean = pauses.reduce((sum, each) => sum + each, 0) / pauses.length;
  if (mean < AT_ONCE) return { kind: "none", first: 0, isJittered: false };
  const spread = Math.max(...pauses.map((each) => Math.abs(each - mean))) / mean;
  if (spread < 0.25) return { kind: "fixed", first: mean, isJittered: spread > 0.03 };
  const ratios = pauses.slice(1).map((each, index) => each / pauses[index]);
  if (ratios.length && ratios.every((ratio) => ratio > 1.3 && ratio < 3.2)) {
    const isJittered = Math.max(...ratios.map((ratio) => Math.abs(ratio - 2))) > 0.08;
    return { kind: "exponential", first, isJittered };
  }
  return { kind: "irregular", first, isJittered: true };
}
