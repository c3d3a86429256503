// The line driver of Node's clients: node node_clients.mjs NAME, or --version NAME. Each line of the standard input is
// a request and each line of the standard output its outcome, in JSON. Packages are those of the working folder.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createInterface } from "node:readline";

const [option, last] = process.argv.slice(2);
const name = last ?? option;
const load = globalThis.loadPackage ?? ((wanted) => import(wanted));

const KEPT_OCTETS = 4 * 1024 * 1024; // of a body, so that the memory of this program is its client's

const openAgents = () => ({ http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) });

// By its name, a function that opens the client: a function from a request to {status, headers, body}.
const clients = {
  async "node-fetch"() {
    await fetch("data:,"); // makes the dispatcher that all fetches share
    const shared = Symbol.for("undici.globalDispatcher.1");
    globalThis[shared] = new globalThis[shared].constructor();
    return async ({ method, url, headers, body, timeout }) => {
      const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
      const answer = await fetch(url, { method, headers, body, signal });
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.arrayBuffer() };
    };
  },

  "node-http"() {
    const agents = openAgents();
    return ({ method, url, headers, body, timeout }) =>
      new Promise((resolve, reject) => {
        const { protocol } = new URL(url);
        const kind = protocol === "https:" ? https : http;
        const agent = agents[protocol.slice(0, -1)];
        const request = kind.request(url, { method, headers, timeout, agent });
        request.on("timeout", () => request.destroy(new Error("timeout")));
        request.on("error", reject);
        let isAnswered = false;
        request.on("close", () => isAnswered || reject(new Error("closed without a response")));
        request.on("response", async (answer) => {
          isAnswered = true;
          try {
            const pieces = await answer.toArray();
            resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) });
          } catch (error) {
            reject(error);
          }
        });
        request.end(body);
      });
  },

  async undici() {
    const { Agent, interceptors, request } = await load("undici");
    let dispatcher; // its timeout of connections belongs to the whole agent
    return async ({ method, url, headers, body, timeout }) => {
      const options = timeout === undefined ? {} : { connect: { timeout } };
      dispatcher ??= new Agent(options).compose(interceptors.redirect({ maxRedirections: 20 }));
      const limits = timeout === undefined ? {} : { headersTimeout: timeout, bodyTimeout: timeout };
      const answer = await request(url, { method, headers, body, dispatcher, ...limits });
      return { status: answer.statusCode, headers: answer.headers, body: await answer.body.arrayBuffer() };
    };
  },

  async axios() {
    const { default: axios } = await load("axios");
    const { http: httpAgent, https: httpsAgent } = openAgents();
    const settings = { responseType: "arraybuffer", validateStatus: null, httpAgent, httpsAgent };
    return async ({ method, url, headers, body, timeout }) => {
      const answer = await axios.request({ ...settings, method, url, headers, data: body, timeout });
      return { status: answer.status, headers: { ...answer.headers }, body: answer.data };
    };
  },

  async got() {
    const { default: got } = await load("got");
    const settings = { responseType: "buffer", throwHttpErrors: false, agent: openAgents() };
    return async ({ method, url, headers, body, timeout }) => {
      const limits = timeout === undefined ? {} : { timeout: { request: timeout } };
      const answer = await got(url, { ...settings, method, headers, body, ...limits });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    };
  },
};

async function versionOf(wanted) {
  if (wanted === "node-http") return `Node ${process.versions.node}`;
  if (wanted === "node-fetch") return `Node ${process.versions.node} (undici ${process.versions.undici})`;
  await load(wanted);
  return JSON.parse(readFileSync(`node_modules/${wanted}/package.json`)).version;
}

async function outcomeOf(send, { method = "GET", url, headers = {}, body_b64: coded, timeout }) {
  const body = coded == null ? undefined : Buffer.from(coded, "base64");
  const milliseconds = timeout == null ? undefined : timeout * 1000;
  try {
    const answer = await send({ method, url, headers, body, timeout: milliseconds });
    const shown = Object.entries(answer.headers).map(([field, value]) => [field, String(value)]); // or a list of texts
    const content = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(answer.body); // an ArrayBuffer is not copied
    const begun = content.subarray(0, KEPT_OCTETS).toString("base64");
    return { ok: true, status: answer.status, headers: Object.fromEntries(shown), body_b64: begun, octets: content.length };
  } catch (error) {
    const cause = error.cause ? ` (${error.cause.code ?? error.cause.message ?? error.cause})` : "";
    return { ok: false, error: `${error.code ?? error.name}: ${error.message}${cause}`.slice(0, 500) };
  }
}

async function answerLines() {
  let send = await clients[name]();
  let session;
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    if (command.session !== session) send = await clients[name]();
    session = command.session;
    process.stdout.write(JSON.stringify({ id: command.id, ...(await outcomeOf(send, command)) }) + "\n");
  }
  process.stdout.end(() => process.exit()); // connections in a pool would keep the process
}

if (option === "--version") console.log(await versionOf(name));
else await answerLines();
