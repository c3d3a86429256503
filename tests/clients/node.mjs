// Requests by Node's own clients, fetch and node:http. Each command and each reply is a line of JSON:
//   {id, do: "request", by, method, url, fields, body, streams, follow, timeout, session, authority}
//       -> {id, wants} for each piece of a streamed body, once the previous pieces are sent
//       -> {id, status, fields} when the head of the response has arrived
//   {id, do: "send", octets}     sends that piece; an empty piece ends the body
//   {id, do: "read"}             -> {id, octets}: the next piece of the content, empty at the end
//   {id, do: "rest"}             -> {id, octets}: the rest of the content
//   {do: "close", session}       closes the connections that node:http pools for that session
// A command that fails has the reply {id, code, head, message}. Octets are in base64.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createInterface } from "node:readline";

const exchanges = new Map(); // by id: send() takes a piece of the request body, next() returns a piece of the content
const agents = new Map(); // of node:http, by session and scheme

const reply = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const decoded = (octets) => Buffer.from(octets, "base64");

function replyFailure(id, error, head) {
  const code = error.cause?.code ?? error.code;
  const named = typeof code === "string" ? code : error.name;
  reply({ id, code: named, head, message: `${error.cause ?? error}` });
}

function requestPiece(id, exchange) {
  if (!exchange.next) reply({ id, wants: true });
}

async function requestByFetch({ id, method, url, fields, follow, timeout, body, streams }) {
  const exchange = {};
  exchanges.set(id, exchange);
  const signal = AbortSignal.timeout(timeout);
  const options = { method, headers: fields, signal, redirect: follow ? "follow" : "manual" };
  if (streams) {
    options.duplex = "half";
    const pull = (controller) => {
      exchange.send = (piece) => (piece.length ? controller.enqueue(piece) : controller.close());
      requestPiece(id, exchange);
    };
    options.body = new ReadableStream({ pull }, { highWaterMark: 0 });
  } else if (body !== null) {
    options.body = new Blob([decoded(body)]); // unlike a Buffer, a Blob can be sent again after a redirect
  }
  const response = await fetch(url, options);
  const pieces = response.body?.values();
  exchange.next = async () => (await pieces?.next())?.value;
  return { status: response.status, fields: Object.fromEntries(response.headers) };
}

function requestByHttp({ id, method, url, fields, timeout, body, streams, session, authority }) {
  const exchange = {};
  exchanges.set(id, exchange);
  const kind = url.startsWith("https:") ? https : http;
  const octets = body === null ? undefined : decoded(body);
  const headers = { ...fields };
  const waits = "Expect" in fields;
  if (waits && octets) headers["Content-Length"] = octets.length; // the head is sent before the body is known
  const signal = AbortSignal.timeout(timeout);
  const request = kind.request(url, { method, headers, signal, agent: agentOf(session, kind, authority) });
  exchange.send = (piece) => {
    if (piece.length) request.write(piece, (error) => error || requestPiece(id, exchange));
    else request.end();
  };
  const begin = () => (streams ? requestPiece(id, exchange) : request.end(octets));
  if (waits) request.once("continue", begin);
  else begin();
  return new Promise((resolve, reject) => {
    request.on("error", reject); // without effect after the head: the server may reject the rest of a body
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
    case "request":
      reply({ id, ...(await (command.by === "fetch" ? requestByFetch : requestByHttp)(command)) });
      return;
    case "send":
      try {
        exchange.send(decoded(command.octets));
      } catch {} // the request has failed, and the reply to "request" has the reason
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
  reply({ id, octets: octets.toString("base64") });
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  perform(command).catch((error) => replyFailure(command.id, error, command.do !== "request"));
}
process.exit();
