// An EventSource in Node against the failure modes. Needs: npm install eventsource, and a server:
//   hamms-trio serve & node --test examples/eventsource.test.mjs
// HAMMS_URL names another path door than that of port 5599.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSource } from "eventsource";

const door = process.env.HAMMS_URL ?? "http://localhost:5599";

// The code under test: put yours here. The events until the source is closed for good, which 204 does.
function read(url) {
  return new Promise((resolve) => {
    const events = [];
    const source = new EventSource(url);
    source.onmessage = ({ data, lastEventId }) => events.push({ data, lastEventId });
    source.onerror = ({ code }) => {
      if (source.readyState === EventSource.CLOSED) resolve({ events, code });
    };
  });
}

const url = (slug, parameters = {}) =>
  `${door}/mode/${slug}/?${new URLSearchParams({ tokens: 4, nonce: "n1", key: crypto.randomUUID(), ...parameters })}`;
const words = ["t0", "t1", "t2", "t3 n1"];

// Without case=cr: eventsource 4 keeps the last event back, because an LF might follow its CR, and loses it.
for (const [slug, parameters] of [
  ["sse-crlf-split", { case: "lf" }],
  ["sse-crlf-split", { case: "crlf" }],
  ["sse-bytewise", {}],
  ["sse-nospace", {}],
  ["sse-bom", { case: "one" }],
]) {
  test(`${slug} ${JSON.stringify(parameters)} is read exactly`, async () => {
    const source = new EventSource(url(slug, parameters));
    const data = await new Promise((resolve) => {
      const found = [];
      source.onmessage = (event) => found.push(event.data) === words.length && resolve(found);
    });
    source.close();
    assert.deepEqual(data, words);
  });
}

test("a source comes back with its last id, and delivers no event twice", async () => {
  const { events, code } = await read(url("sse-last-event-id", { n: 2, retry: 0.01 }));
  assert.deepEqual(events.map(({ data }) => data), words);
  assert.deepEqual(events.map(({ lastEventId }) => lastEventId), ["1", "2", "3", "4"]);
  assert.equal(code, 204);
});

test("a source comes back after a reset", async () => {
  const { events } = await read(url("sse-reconnect", { n: 1, times: 2, how: "rst", retry: 0.01 }));
  assert.deepEqual(events.map(({ data }) => data), words);
});

for (const [slug, parameters, expected] of [
  ["sse-204", {}, 204],
  ["sse-500", { status: 503 }, 503],
  ["sse-wrong-type", {}, 200],
]) {
  test(`${slug} ends the source`, async () => {
    const { events, code } = await read(url(slug, parameters));
    assert.deepEqual(events, []);
    if (expected !== 200) assert.equal(code, expected);
  });
}
