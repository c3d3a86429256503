// Behaviour of clients, inferred from what they did, in plain words: each with its evidence and how often it was seen.
import { seconds } from "../format.js";
import { callsOf, lawOf, pausesOf } from "./attempts.js";
import { clientOf, endOf } from "./model.js";

const MOST = 12;

// Returns sentences: {client, text, evidence, seen}.
export function behaviour(all) {
  const found = [];
  for (const [client, those] of grouped(all)) {
    found.push(...timeouts(client, those), ...resets(client, those), ...reuse(client, those), ...idleness(client, those));
  }
  found.push(...retries(all));
  return found.sort((a, b) => b.seen - a.seen || (a.client < b.client ? -1 : 1)).slice(0, MOST);
}

function grouped(all) {
  const found = new Map();
  for (const connection of all) {
    const name = clientOf(connection);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(connection);
  }
  return found;
}

const named = (those) => those.slice(-4).map(({ id }) => `c-${id}`).join(", ");

const TIMES = ["never", "once", "twice", "three times"];
const times = (number) => TIMES[number] ?? `${number} times`;

function timeouts(client, those) {
  const left = those.filter((each) => endOf(each)[0] === "gave-up").map((each) => [each, each.left.at - (each.requests.at(-1)?.at ?? each.opened)]);
  return clusters(left).map((cluster) => {
    const mean = cluster.reduce((sum, [, span]) => sum + span, 0) / cluster.length;
    const also = cluster.length > 1 ? `: it has a timeout of ${seconds(mean)}` : "";
    return { client, text: `gave up after ${seconds(mean)} ${times(cluster.length)}${also}.`, evidence: named(cluster.map(([each]) => each)), seen: cluster.length };
  });
}

// Groups of spans that differ by a tenth at most.
function clusters(spans) {
  const groups = [];
  for (const entry of [...spans].sort((a, b) => a[1] - b[1])) {
    const last = groups.at(-1);
    if (last && entry[1] - last[0][1] <= 0.1 * last[0][1] + 0.05) last.push(entry);
    else groups.push([entry]);
  }
  return groups.filter(([[, span]]) => span > 0.05);
}

function resets(client, those) {
  const again = those.filter((each) => each.reset !== null && each.requests.length && those.some((other) => other.opened > each.reset && other.opened - each.reset < 10 && sameRequest(other, each)));
  if (!again.length) return [];
  const [method] = [again[0].requests.at(-1).method];
  return [{ client, text: `opened a new connection after a reset, and sent its ${method} again.`, evidence: named(again), seen: again.length }];
}

function sameRequest(one, other) {
  if (one.door !== other.door) return false;
  const [a, b] = [one.requests[0], other.requests.at(-1)];
  return a && b && a.method === b.method && a.target === b.target;
}

function reuse(client, those) {
  const kept = those.filter(({ requests }) => requests.length > 1);
  if (!kept.length) return [];
  const most = Math.max(...kept.map(({ asked }) => asked));
  return [{ client, text: `keeps connections: it sent up to ${most} requests over one.`, evidence: named(kept), seen: kept.length }];
}

function idleness(client, those) {
  const idle = those.filter((each) => endOf(each)[0] === "fin" && each.requests.length).map((each) => [each, each.left.at - latest(each)]).filter(([, span]) => span > 0.5);
  return clusters(idle).filter((cluster) => cluster.length * 2 > idle.length).map((cluster) => {
    const mean = cluster.reduce((sum, [, span]) => sum + span, 0) / cluster.length;
    return { client, text: `closes with FIN after ${seconds(mean)} without a request.`, evidence: named(cluster.map(([each]) => each)), seen: cluster.length };
  });
}

function latest({ marks }) {
  const octets = marks.filter((mark) => mark.octets);
  return octets.length ? octets.at(-1).until ?? octets.at(-1).at : 0;
}

function retries(all) {
  const found = new Map();
  for (const call of callsOf(all)) {
    if (call.attempts.length < 2 || call.attempts.slice(0, -1).some(({ isGood }) => isGood)) continue;
    const law = lawOf(pausesOf(call));
    const id = `${call.client} ${law.kind}`;
    if (!found.has(id)) found.set(id, { call, law, keys: [], seen: 0, most: 0, stopped: 0 });
    const group = found.get(id);
    group.seen += 1;
    group.keys.push(call.key);
    group.most = Math.max(group.most, call.attempts.length);
    group.stopped += !call.attempts.at(-1).isGood;
  }
  return [...found.values()].map(({ call, law, keys, seen, most, stopped }) => ({
    client: call.client, text: `${wording(law, most)}${stopped === seen ? `, and stops after ${most} attempts` : ""}.`,
    evidence: `${keys.length === 1 ? "call" : "calls"} ${[...new Set(keys)].slice(0, 3).join(", ")}`, seen,
  }));
}

function wording({ kind, first, isJittered }, most) {
  const retried = `retries ${times(most - 1)}`;
  if (kind === "none") return "retries at once, without a pause";
  if (kind === "fixed") return `${retried}, with pauses of ${seconds(first)}${isJittered ? ", jittered" : ""}`;
  if (kind === "exponential") return `${retried}, with pauses that grow exponentially from ${seconds(first)}${isJittered ? ", jittered" : ""}`;
  return `${retried}, with pauses that follow no plain rule, the first of ${seconds(first)}`;
}

