// The connections that the page knows, for all views; views draw again a few times a second while events arrive.
import { signal } from "../lib.js";
import { paced } from "../pace.js";
import { recent, stream, subscribe } from "../stream.js";
import { Connections } from "./model.js";

export const connections = new Connections();
export const openConnections = signal(0);
export const version = signal(0); // grows while there is something new
export const rate = signal(0); // events in the last second

const tell = paced(() => {
  openConnections.value = connections.open;
  version.value += 1;
});
let inSecond = 0;

export function watchConnections() {
  subscribe((events) => {
    connections.take(events);
    inSecond += events.length;
    tell();
  });
  setInterval(() => {
    if (rate.value !== inSecond) rate.value = inSecond;
    inSecond = 0;
  }, 1000);
}

let looking = null;

// Takes what happened before the page was opened, once.
export function lookBack() {
  looking ??= takeRecent();
  return looking;
}

async function takeRecent() {
  try {
    const events = await recent();
    const first = connections.log[0]?.id ?? Infinity;
    const older = events.filter(({ id }) => id < first).map((event) => ({ ...event, at: Date.parse(event.ts) / 1000 }));
    if (!older.length) return;
    const newer = connections.log.splice(0);
    connections.take(older);
    connections.log.push(...newer);
    version.value += 1;
  } catch (error) {
    if (stream.value.state === "open") console.warn(error);
  }
}
