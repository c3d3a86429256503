// The event stream of the workbench: one connection for the whole page, opened again when it breaks.
import { get, goneSince, identify, ownHeaders } from "./api.js";
import { signal } from "./lib.js";
import { paced } from "./pace.js";
import { eventsOf } from "./sse.js";

const SHORTEST = 500; // milliseconds until the stream is opened again; doubled up to
const LONGEST = 8_000;
const AT_ONCE = 16; // milliseconds in which events are gathered before the subscribers see them

export const stream = signal({ state: "connecting", since: 0, reason: "" });
export const cursor = signal(0); // the newest event, for the top bar
export const missed = signal(0); // events that nobody can have any more

const subscribers = new Set();
const tellCursor = paced(() => (cursor.value = latest));
let latest = 0; // the newest event
let waiting = [];
let isScheduled = false;
let isOpening = false;
let abort = null;

// Calls a function with each batch of events; returns a function that ends this.
export function subscribe(take) {
  subscribers.add(take);
  return () => subscribers.delete(take);
}

export function openStream() {
  if (!isOpening) {
    isOpening = true;
    run();
  }
}

// Opens the stream again at once, such as with another token.
export function reopenStream() {
  abort?.abort();
}

async function run() {
  let pause = SHORTEST;
  for (;;) {
    const begun = Date.now();
    const reason = await readOnce();
    if (reason === "off") return;
    if (Date.now() - begun > LONGEST) pause = SHORTEST;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(LONGEST, pause * 2);
  }
}

async function readOnce() {
  abort = new AbortController();
  const headers = ownHeaders();
  if (latest) headers["Last-Event-ID"] = String(latest);
  try {
    const response = await fetch("/api/events/stream", {
      headers, cache: "no-store", credentials: "omit", signal: abort.signal,
    });
    if (!response.ok) return await explain(response);
    if (goneSince.value) identify();
    goneSince.value = 0;
    stream.value = { state: "open", since: Date.now() / 1000, reason: "" };
    for await (const event of eventsOf(response.body)) take(event);
    throw new Error("the stream ended");
  } catch (error) {
    if (stream.value.state !== "broken") {
      stream.value = { state: "broken", since: Date.now() / 1000, reason: String(error.message ?? error) };
      put({ type: "page.broken", at: Date.now() / 1000 });
    }
    return "broken";
  }
}

async function explain(response) {
  if (response.status === 404) {
    stream.value = { state: "off", since: 0, reason: "The workbench was started without live events." };
    return "off";
  }
  stream.value = { state: "refused", since: Date.now() / 1000, reason: `${response.status}: events need the role viewer.` };
  return "refused";
}

function take({ id, event, data }) {
  const document = JSON.parse(data);
  if (event === "stream.gap") {
    const first = latest + 1;
    missed.value += Math.max(0, document.oldest_id - first);
    put({ type: "page.gap", at: Date.now() / 1000, payload: document });
    return;
  }
  latest = Number(id) || latest;
  tellCursor();
  put({ ...document, at: Date.parse(document.ts) / 1000 });
}

function put(event) {
  waiting.push(event);
  if (isScheduled) return;
  isScheduled = true;
  setTimeout(deliver, AT_ONCE);
}

function deliver() {
  isScheduled = false;
  const batch = waiting;
  waiting = [];
  for (const each of subscribers) each(batch);
}

// Events from before the page was opened.
export async function recent(limit = 1000) {
  const page = await get(`/api/events/snapshot?limit=${limit}`);
  if (page.latest_id - page.oldest_id >= limit) {
    const since = page.latest_id - limit;
    return (await get(`/api/events/snapshot?limit=${limit}&since_id=${since}`)).events;
  }
  return page.events;
}
