// Reads a transcript as HTTP, only as far as a drawing needs it: where heads begin, what they announce, what came.
import { octets as counted, shown } from "../format.js";

const HEAD = /^HTTP\/[\d.]+ \d{3}/;
const REQUEST = /^([A-Z]+) (\S+) HTTP\/[\d.]+/;

// Returns the moments with what a drawing says of each: {…moment, kind, label, short, body}.
export function readMoments(moments) {
  const read = moments.map((moment) => ({ ...moment, ...kindOf(moment) }));
  read.forEach((moment, index) => {
    if (moment.kind === "head") moment.body = bodyOf(read, index);
  });
  return read;
}

function kindOf({ by, event, octets, text = "", writes = 1 }) {
  if (event) return { kind: kindOfEvent(event), label: labelOfEvent(event), short: labelOfEvent(event) };
  if (writes > 1) {
    const label = `${writes} writes more, ${counted(octets)}`;
    return { kind: "more", label, short: `×${writes}` };
  }
  const request = by === "client" && REQUEST.exec(text);
  if (request) {
    const line = `${request[1]} ${request[2]}`;
    return { kind: "request", label: `${line} HTTP/1.1 • ${counted(octets)}`, short: `${line} • ${octets}` };
  }
  if (by === "server" && HEAD.test(text)) return headOf(text, octets);
  if (octets === 1) return { kind: "octet", label: shown(text), short: shown(text) };
  const excerpt = text ? `: ${shown(text.slice(0, 60))}` : "";
  return { kind: "octets", label: counted(octets) + excerpt, short: counted(octets) };
}

// Fatal alerts by their numbers (RFC 8446 §6).
const ALERTS = {
  0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure", 42: "bad_certificate",
  43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter",
  48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security",
  80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension", 110: "unsupported_extension",
  112: "unrecognized_name", 116: "certificate_required", 120: "no_application_protocol",
};

function labelOfEvent(event) {
  const alert = /^alert (\d+) at level (\d)/.exec(event);
  if (!alert) return event;
  return `alert ${alert[1]}, ${ALERTS[alert[1]] ?? "unknown"}`;
}

function kindOfEvent(event) {
  if (/^alert \d+ at level 2/.test(event)) return "alert";
  if (event === "FIN") return "fin";
  if (event === "RST") return "rst";
  if (event === "SYN") return "syn";
  if (event === "gives up") return "up";
  return "event";
}

function headOf(text, octets) {
  const [lines] = text.split(/\r?\n\r?\n/);
  const [first, ...fields] = lines.split(/\r?\n/);
  const status = first.replace(/^HTTP\/[\d.]+ /, "");
  const telling = tellingField(fields);
  const label = telling ? `${status} • ${telling}` : `${status} • ${counted(octets)}`;
  return { kind: "head", label: shown(label), short: shown(status), fields };
}

const TELLING = [/^content-length/i, /^transfer-encoding/i, /^location/i, /^retry-after/i, /^content-type/i];

function tellingField(fields) {
  for (const pattern of TELLING) {
    const found = fields.find((field) => pattern.test(field));
    if (found) return found;
  }
  return fields[0];
}

// What a response announced and what came of it, if the two differ and can be told.
function bodyOf(moments, index) {
  const { text, octets, fields } = moments[index];
  const length = fields.map((field) => /^content-length:\s*(\d+)\s*$/i.exec(field)).find(Boolean);
  const headEnds = /\r?\n\r?\n/.exec(text);
  if (!length || !headEnds || fields.some((field) => /^transfer-encoding/i.test(field))) return null;
  const bodiless = /^HTTP\/[\d.]+ (1\d\d|204|304)/.test(text);
  let came = octets - headEnds.index - headEnds[0].length;
  for (const moment of moments.slice(index + 1)) {
    if (moment.kind === "head" || moment.by === "client") break;
    if (moment.octets) came += moment.octets;
  }
  const announced = Number(length[1]);
  return bodiless || announced === came ? null : { announced, came };
}
