// Filters of connections: words, and words with a name before a colon.
import { clientOf, endOf } from "./model.js";

const NAMES = {
  client: (connection, value) => clientOf(connection).toLowerCase().includes(value),
  port: (connection, value) => String(portOf(connection)).startsWith(value),
  door: (connection, value) => connection.door.toLowerCase().includes(value),
  mode: (connection, value) => connection.mode.toLowerCase().includes(value),
  left: (connection, value) => endOf(connection)[0].startsWith(value),
  status: (connection, value) => connection.requests.some(({ status }) => isStatus(status, value)),
  path: (connection, value) => connection.requests.some(({ target }) => target.toLowerCase().includes(value)),
  key: (connection, value) => connection.requests.some(({ key }) => key.toLowerCase() === value),
};

let ports = new Map(); // of doors, by name

export function setPorts(known) {
  ports = known;
}

export function portOf({ door }) {
  return ports.get(door) ?? "";
}

function isStatus(status, wanted) {
  if (status === null) return false;
  return /^[1-5]xx$/.test(wanted) ? String(status)[0] === wanted[0] : String(status).startsWith(wanted);
}

// Returns a function that is true for the connections that are meant.
export function filterOf(text) {
  const tests = text.toLowerCase().split(/[\s,]+/).filter(Boolean).map(testOf).filter(Boolean);
  return (connection) => tests.every((test) => test(connection));
}

function testOf(word) {
  const [, name, value] = /^([a-z]+):(.*)$/.exec(word) ?? [];
  if (name && NAMES[name]) return value && ((connection) => NAMES[name](connection, value));
  return (connection) => `${clientOf(connection)} ${connection.door} ${connection.mode} c-${connection.id} ${connection.requests.map(({ target }) => target).join(" ")}`.toLowerCase().includes(word);
}
