// Runs of scenarios that this page has seen, by the stream and by the API.
import { computed, signal } from "../lib.js";
import { connections, lookBack } from "../live/connections.js";
import { subscribe } from "../stream.js";

export const latestRuns = signal(new Map()); // scenario id -> {run_id, status, at}
export const outcomes = signal({ pass: 0, fail: 0 });
export const running = signal(new Map()); // scenario id -> names of steps that are done

export const passRate = computed(() => {
  const { pass, fail } = outcomes.value;
  return pass + fail ? `${pass} of ${pass + fail}` : "none ran";
});

let hasBegun = false;

export function watchRuns() {
  if (hasBegun) return;
  hasBegun = true;
  let first = Infinity;
  subscribe((events) => {
    first = Math.min(first, events.find(({ id }) => id)?.id ?? Infinity);
    events.forEach(take);
  });
  lookBack().then(() => connections.log.filter(({ id, type }) => id < first && type.startsWith("scenario.")).forEach(take));
}

function take({ type, at, payload }) {
  if (type === "scenario.run.completed") {
    latestRuns.value = new Map(latestRuns.value).set(payload.scenario_id, { run_id: payload.run_id, status: payload.status, at });
    const { pass, fail } = outcomes.value;
    outcomes.value = payload.status === "pass" ? { pass: pass + 1, fail } : { pass, fail: fail + 1 };
    const rest = new Map(running.value);
    rest.delete(payload.scenario_id);
    running.value = rest;
  } else if (type === "scenario.run.started") {
    running.value = new Map(running.value).set(payload.scenario_id, []);
  } else if (type === "scenario.step.completed" && running.value.has(payload.scenario_id)) {
    const done = [...running.value.get(payload.scenario_id), payload.step_id];
    running.value = new Map(running.value).set(payload.scenario_id, done);
  }
}
