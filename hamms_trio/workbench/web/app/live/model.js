// From the events of the stream to connections: who connected where, what came, what left, and how it ended.

const MOST_CONNECTIONS = 2_000; // the oldest closed ones go first
const MOST_REQUESTS = 10_000; // of all connections
const MOST_MARKS = 300; // of one connection; those in the middle are joined
const MOST_EVENTS = 10_000; // of the log

const JOINED = 6; // marks that become one for each side

const BEGINNINGS = /\.(opened|request|answered|struck)$/;

export class Connections {
  constructor({ mostEvents = MOST_EVENTS, mostConnections = MOST_CONNECTIONS, mostRequests = MOST_REQUESTS } = {}) {
    this.mostEvents = mostEvents;
    this.mostConnections = mostConnections;
    this.mostRequests = mostRequests;
    this.requests = 0; // that are kept
    this.byId = new Map(); // in the order of opening
    this.log = []; // the newest last
    this.dropped = 0; // events that left the log
    this.taken = 0;
    this.gaps = []; // [from, to], in seconds since the epoch
    this.answers = new Set(); // numbers of requests whose connections are known
    this.brokenAt = 0;
    this.seen = 0; // connections ever
  }

  take(events) {
    for (const event of events) this.#take(event);
    if (this.log.length > this.mostEvents * 1.1) {
      const surplus = this.log.length - this.mostEvents;
      this.log.splice(0, surplus);
      this.dropped += surplus;
    }
    this.#forget();
  }

  get open() {
    let number = 0;
    for (const connection of this.byId.values()) number += connection.closed === null;
    return number;
  }

  #take(event) {
    this.taken += 1;
    if (event.type === "page.broken") {
      this.brokenAt = event.at;
      return;
    }
    if (this.brokenAt) {
      this.gaps.push([this.brokenAt, event.at]);
      this.brokenAt = 0;
    }
    if (event.type === "page.gap") {
      this.gaps.push([event.at, event.at]);
      return;
    }
    const payload = event.payload ?? {};
    const at = typeof payload.at === "number" ? payload.at : event.at;
    const entry = { id: event.id, at, type: event.type, payload, trace: event.trace_id ?? "", connection: null };
    if (event.type.startsWith("connection.") && payload.connection) {
      // Of a connection whose beginning is not known, only what it brings is of interest, and not its end.
      if (!this.byId.has(payload.connection) && !BEGINNINGS.test(event.type)) return;
      entry.connection = this.#connectionOf(payload, at);
      this.#reduce(entry.connection, entry);
    }
    this.log.push(entry);
  }

  #connectionOf(payload, at) {
    const id = payload.connection;
    let connection = this.byId.get(id);
    if (!connection) {
      this.seen += 1;
      connection = {
        id, door: payload.door ?? "", mode: payload.mode ?? "", peer: payload.client ?? "", agent: "",
        opened: at, closed: null, newest: at, marks: [], requests: [], asked: 0, received: 0, sent: 0,
        left: null, ended: null, reset: null, struck: false, played: null,
      };
      this.byId.set(id, connection);
    }
    if (payload.mode) connection.mode = payload.mode;
    return connection;
  }

  #reduce(connection, { type, at, payload }) {
    connection.newest = Math.max(connection.newest, at);
    switch (type.slice("connection.".length)) {
      case "received":
        connection.received += payload.octets;
        mark(connection, { at, by: "client", octets: payload.octets });
        break;
      case "request":
        this.#request(connection, at, payload);
        break;
      case "sent":
        connection.sent += payload.octets;
        answered(connection, at, payload.octets);
        mark(connection, { at, by: "server", octets: payload.octets, times: payload.times ?? 1 });
        break;
      case "struck":
        connection.struck = true;
        if (connection.requests.length) Object.assign(connection.requests.at(-1), { struck: true, key: payload.key });
        break;
      case "played":
        connection.played = at;
        break;
      case "answered":
        this.#answered(connection, at, payload);
        break;
      case "left":
        connection.left = { at, how: payload.how };
        mark(connection, { at, by: "client", event: payload.how });
        break;
      case "reset":
        connection.reset = at;
        mark(connection, { at, by: "server", event: "RST" });
        break;
      case "ended":
        connection.ended = at;
        mark(connection, { at, by: "server", event: "FIN" });
        break;
      case "closed":
        connection.closed = at;
        break;
      default:
    }
  }

  #request(connection, at, { method, target, fields = [] }) {
    const request = { at, method, target, fields, status: null, struck: false, key: keyIn(target), sent: 0, firstAt: null, lastAt: null };
    this.#keep(connection, request);
    mark(connection, { at, by: "client", request, octets: 0 });
  }

  #keep(connection, request) {
    connection.agent = fieldOf(request.fields, "user-agent") || connection.agent;
    connection.asked += 1;
    connection.requests.push(request);
    if (connection.requests.length > MOST_MARKS) connection.requests.shift();
    else this.requests += 1;
  }

  // The workbench tells an exchange as a whole, once it is over.
  #answered(connection, at, payload) {
    if (payload.request_id) this.answers.add(payload.request_id);
    if (this.answers.size > this.mostEvents) this.answers.delete(this.answers.values().next().value);
    const known = connection.requests.at(-1);
    if (known && known.status === null && known.method === payload.method && known.target === payload.target) {
      Object.assign(known, { status: payload.status, trace: payload.request_id, lastAt: at });
      return;
    }
    const began = at - payload.seconds;
    connection.opened = Math.min(connection.opened, began);
    connection.received += payload.octets_received;
    connection.sent += payload.octets_sent;
    const request = {
      at: began, method: payload.method, target: payload.target, fields: payload.fields ?? [], status: payload.status,
      struck: false, key: keyIn(payload.target), sent: payload.octets_sent, firstAt: at, lastAt: at, trace: payload.request_id,
    };
    this.#keep(connection, request);
    mark(connection, { at: began, by: "client", request, octets: payload.octets_received });
    mark(connection, { at, by: "server", octets: payload.octets_sent, status: payload.status });
  }

  #forget() {
    if (this.#excess() <= 1) return;
    for (const [id, connection] of this.byId) {
      if (connection.closed === null && this.#excess() <= 2) continue;
      this.byId.delete(id);
      this.requests -= connection.requests.length;
      if (this.#excess() <= 1) return;
    }
  }

  // How many times as much is kept as may be.
  #excess() {
    return Math.max(this.byId.size / this.mostConnections, this.requests / this.mostRequests);
  }
}

function answered(connection, at, octets) {
  const request = connection.requests.at(-1);
  if (!request) return;
  request.sent += octets;
  request.firstAt ??= at;
  request.lastAt = at;
}

function mark(connection, entry) {
  const { marks } = connection;
  marks.push(entry);
  if (marks.length <= MOST_MARKS) return;
  const middle = marks.length >> 1; // two exchanges or so become one, so that beginning and end stay whole
  marks.splice(middle, JOINED, ...joined(marks.slice(middle, middle + JOINED)));
}

// One mark for the octets of each side.
function joined(marks) {
  const sides = new Map();
  for (const { by, at, until = at, octets = 0, times = 1 } of marks) {
    const side = sides.get(by) ?? { by, at, until, octets: 0, times: 0 };
    sides.set(by, { ...side, until: Math.max(side.until, until), octets: side.octets + octets, times: side.times + times });
  }
  return sides.values();
}

function keyIn(target) {
  return new URLSearchParams(target.split("?")[1] ?? "").get("key") ?? "";
}

export function fieldOf(fields, name) {
  const found = fields.find(([each]) => each.toLowerCase() === name);
  return found ? found[1] : "";
}

// The name of the client: its product, this browser, or its address.
export function clientOf(connection) {
  const { agent, peer } = connection;
  if (!agent) return peer.replace(/:\d+$/, "") || "unknown";
  if (agent === globalThis.navigator?.userAgent) return "this browser";
  return agent.split(" ")[0].slice(0, 60);
}

// How the connection came to its end: a word for filters and a sentence for people.
export function endOf(connection) {
  const { left, reset, ended, closed } = connection;
  if (reset !== null && (!left || reset <= left.at)) return ["reset", "the server reset it"];
  if (left && !(ended !== null && ended <= left.at)) {
    const waits = isWaiting(connection);
    if (left.how === "RST") return ["rst", "the client reset it"];
    if (left.how === "vanished") return ["vanished", "the client vanished"];
    return waits ? ["gave-up", "the client gave up"] : ["fin", "the client closed it"];
  }
  if (ended !== null) return ["ended", "the server closed it"];
  return closed === null ? ["open", "it is open"] : ["closed", "it is closed"];
}

// True if the client left while an answer was still due.
export function isWaiting({ requests, left, sent, received, opened, played }) {
  if (!left) return false;
  const request = requests.at(-1);
  if (played !== null && played >= (request?.at ?? opened) && played <= left.at) return false;
  if (!request) return received > 0 && sent === 0;
  return request.status === null;
}
