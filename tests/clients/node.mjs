// Requests by Node's own clients, fetch and node:http. Commands are lines of JSON, and so is what comes of them:
//   {id, do: "ask", by, method, url, fields, body, streams, follow, timeout, session, authority}
//       -> {id, wants} for each piece of a body that streams, once those before are sent
//       -> {id, status, fields} when the head of the response has come
//   {id, do: "send", octets}     that piece; an empty one is the end
//   {id, do: "read"}             -> {id, octets}: the next piece of the content, or nothing at its end
//   {id, do: "rest"}             -> {id, octets}: all of it
//   {do: "close", session}       the connections that node:http keeps for that session
// or {id, code, head, message}, if that failed. Octets are in base64.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createInterface } from "node:readline";

const exchanges = new Map(); // by id: what to do with a piece of the body (send), whence those of the content come (next)
const agents = new Map(); // of node:http, by session and scheme

const say = (told) => process.stdout.write(JSON.stringify(told) + "\n");
const decoded = (octets) => Buffer.from(octets, "base64");

function tellFailure(id, error, head) {
  const code = error.cause?.code ?? error.code;
  const named = typeof code === "string" ? code : error.name;
  say({ id, code: named, head, message: `${error.cause ?? error}` });
}

function want(id, exchange) {
  if (!exchange.next) say({ id, wants: true });
}

async function askByFetch({ id, method, url, fields, follow, timeout, body, streams }) {
  const exchange = {};
  exchanges.set(id, exchange);
  const signal = AbortSignal.timeout(timeout);
  const options = { method, headers: fields, signal, redirect: follow ? "follow" : "manual" };
  if (streams) {
    options.duplex = "half";
    const pull = (controller) => {
      exchange.send = (piece) => (piece.length ? controller.enqueue(piece) : controller.close());
      want(id, exchange);
    };
    options.body = new ReadableStream({ pull }, { highWaterMark: 0 });
  } else if (body !== null) {
    options.body = new Blob([decoded(body)]); // a Buffer can't be sent once more after a redirect
  }
  const response = await fetch(url, options);
  const pieces = response.body?.values();
  exchange.next = async () => (await pieces?.next())?.value;
  return { status: response.status, fields: Object.fromEntries(response.headers) };
}

function askByHttp({ id, method, url, fields, timeout, body, streams, session, authority }) {
  const exchange = {};
  exchanges.set(id, exchange);
  const kind = url.startsWith("https:") ? https : http;
  const octets = body === null ? undefined : decoded(body);
  const headers = { ...fields };
  const waits = "Expect" in fields;
  if (waits && octets) headers["Content-Length"] = octets.length; // its head is sent before its body is known
  const signal = AbortSignal.timeout(timeout);
  const request = kind.request(url, { method, headers, signal, agent: agentOf(session, kind, authority) });
  exchange.send = (piece) => {
    if (piece.length) request.write(piece, (error) => error || want(id, exchange));
    else request.end();
  };
  const begin = () => (streams ? want(id, exchange) : request.end(octets));
  if (waits) request.once("continue", begin);
  else begin();
  return new Promise((resolve, reject) => {
    request.on("error", reject); // after the head nobody hears it, who sends what is not wanted any more
    request.once("response", (response) => {
      const pieces = response[Symbol.asyncIterator]();
      exchange.next = async () => (await pieces.next()).value;
      resolve({ status: response.statusCode, fields: response.headers });
    });
  });
}

function agentOf(session, kind, authority) {
  const key = `${session} ${kind === https}`;
  if (!agents.has(key)) {
    const ca = authority === null ? undefined : readFileSync(authority);
    agents.set(key, new kind.Agent({ keepAlive: true, ca }));
  }
  return agents.get(key);
}

async function all(next) {
  const pieces = [];
  for (let piece; (piece = await next()); ) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function perform(command) {
  const { id, session } = command;
  const exchange = exchanges.get(id);
  let octets;
  switch (command.do) {
    case "ask":
      say({ id, ...(await (command.by === "fetch" ? askByFetch : askByHttp)(command)) });
      return;
    case "send":
      try {
        exchange.send(decoded(command.octets));
      } catch {} // nobody wants it any more, and "ask" tells why
      return;
    case "close":
      for (const isSecure of [true, false]) agents.get(`${session} ${isSecure}`)?.destroy();
      return;
    case "read":
      octets = Buffer.from((await exchange.next()) ?? []);
      break;
    case "rest":
      octets = await all(exchange.next);
  }
  if (command.do === "rest" || !octets.length) exchanges.delete(id);
  say({ id, octets: octets.toString("base64") });
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  perform(command).catch((error) => tellFailure(command.id, error, command.do !== "ask"));
}
process.exit();
