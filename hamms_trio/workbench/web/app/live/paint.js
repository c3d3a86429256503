// Paints a lane on a canvas: 20 px above and below a row's line, the client's octets above, the server's below.

import { endOf } from "./model.js";

export const ROW = 32; // pixels
const TOP = 20; // of the first row's line
const LEAST = 3; // pixels; marks that are closer become one block

const LABEL = 36; // pixels of a number behind a block

let colours = null;
let edge = 0; // of the lane that is painted

// The colours of the theme that is chosen; read again when that changes.
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("span");
  document.body.append(probe);
  const names = ["client", "server", "fault", "edge", "grat", "panel", "select", "ink", "ink-2", "line"];
  colours = Object.fromEntries(names.map((name) => {
    probe.style.color = style.getPropertyValue(`--${name}`);
    return [name, getComputedStyle(probe).color];
  }));
  probe.remove();
  colours.font = `11px ${style.getPropertyValue("--mono")}`;
}

export function heightOf(lane) {
  return Math.max(1, lane.rows.length) * ROW + 6;
}

export function paint(canvas, lane, { from, to, gaps, selected, width }) {
  if (!colours) readColours();
  const ratio = devicePixelRatio || 1;
  const height = heightOf(lane);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  edge = width;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const x = (at) => ((at - from) / (to - from)) * width;
  grid(pen, width, height, partsOf(to - from));
  for (const [begin, end] of gaps) band(pen, x(begin), Math.max(2, x(end) - x(begin)), height);
  lane.rows.forEach((row, index) => many(pen, row, { x, y: TOP + index * ROW, now: to, selected, width }));
}

// The connections of a row; those that are too short and too close to be told apart become one block.
function many(pen, row, { x, y, now, selected, width }) {
  let bundle = [];
  let until = 0;
  const flush = () => {
    if (bundle.length > 3) dense(pen, bundle, { from: x(bundle[0].opened), to: until, y });
    else for (const connection of bundle) one(pen, connection, { x, y, now, isSelected: false });
    bundle = [];
  };
  for (const connection of row) {
    const begin = x(connection.opened);
    const end = x(connection.closed ?? now);
    if (end < -20 || begin > width + 20) continue;
    const isSelected = connection.id === selected;
    const isShort = end - begin < LEAST && !isSelected;
    if (bundle.length && !(isShort && begin - until < LEAST)) flush();
    if (!isShort) one(pen, connection, { x, y, now, isSelected });
    else {
      bundle.push(connection);
      until = Math.max(bundle.length > 1 ? until : end, end);
    }
  }
  flush();
}

function dense(pen, bundle, { from, to, y }) {
  const width = Math.max(4, to - from);
  pen.fillStyle = colours.client;
  pen.fillRect(from, y - 9, width, 9);
  pen.fillStyle = colours.server;
  pen.fillRect(from, y, width, 9);
  const resets = bundle.filter(({ reset }) => reset !== null).length;
  if (resets) cross(pen, from + width / 2, y, "");
  if (to < edge - LABEL) words(pen, `×${bundle.length}${resets ? `, ${resets} RST` : ""}`, from + width + 4, y + 4);
}

// The number of parts of a window, so that each is a round time.
export function partsOf(seconds) {
  return Math.round(seconds) === 60 ? 6 : 5;
}

function grid(pen, width, height, parts) {
  pen.strokeStyle = colours.grat;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let part = 0; part < parts; part += 1) {
    const at = Math.round((width * part) / parts) + 0.5;
    pen.moveTo(at, 0);
    pen.lineTo(at, height);
  }
  pen.stroke();
}

function band(pen, x, width, height) {
  pen.fillStyle = colours.line;
  pen.fillRect(x, 0, width, height);
}

function one(pen, connection, { x, y, now, isSelected }) {
  const begin = x(connection.opened);
  const end = x(connection.closed ?? now);
  if (isSelected) {
    pen.fillStyle = colours.select;
    pen.fillRect(begin - 5, y - 15, Math.max(12, end - begin + 10), 30);
  }
  line(pen, begin, end, y, colours.edge, 1);
  circle(pen, begin, y);
  silences(pen, connection, x, y, now);
  blocks(pen, connection, x, y);
  finish(pen, connection, x, y);
}

function line(pen, from, to, y, colour, width, dash = []) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.beginPath();
  pen.moveTo(from, y);
  pen.lineTo(to, y);
  pen.stroke();
  pen.setLineDash([]);
}

function circle(pen, x, y) {
  pen.fillStyle = colours.panel;
  pen.strokeStyle = colours.client;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x, y, 3, 0, 7);
  pen.fill();
  pen.stroke();
}

// The time in which the server owes octets and sends none.
function silences(pen, connection, x, y, now) {
  let since = null;
  const dotted = (until) => {
    if (since !== null && x(until) - x(since) > 6) {
      line(pen, x(since) + 4, x(until), y, colours.panel, 3);
      line(pen, x(since) + 4, x(until), y, colours.server, 2, [2, 4]);
    }
  };
  for (const { at, until, by, octets } of connection.marks) {
    if (by === "client" && octets) since ??= at;
    else if (by === "server" && octets) {
      dotted(at);
      since = connection.requests.at(-1)?.status === null ? until ?? at : null;
    }
  }
  const isOver = since !== null && connection.played !== null && connection.played >= since;
  const end = Math.min(isOver ? connection.played : now, connection.closed ?? now, connection.ended ?? now, connection.reset ?? now, connection.left?.at ?? now);
  dotted(end);
}

function blocks(pen, connection, x, y) {
  let block = null;
  const flush = () => {
    if (!block) return;
    const isClient = block.by === "client";
    pen.fillStyle = isClient ? colours.client : colours.server;
    const width = Math.max(block.isDrip ? 2 : 4, block.to - block.from);
    pen.fillRect(block.from, isClient ? y - 9 : y, width, block.isDrip ? 8 : 9);
    if (block.number > 3 && block.to < edge - LABEL) words(pen, `×${block.number}`, block.from + width + 3, isClient ? y - 3 : y + 13);
    block = null;
  };
  for (const { at, until, by, octets, times = 1 } of connection.marks) {
    if (!octets) continue;
    const from = x(at);
    const to = x(until ?? at) + (octets > 2 ? 3 : 1);
    if (block && block.by === by && from - block.to < LEAST) {
      block.to = Math.max(block.to, to);
      block.number += times;
      block.isDrip = false;
    } else {
      flush();
      block = { by, from, to, number: times, isDrip: octets <= 2 };
    }
  }
  flush();
}

function finish(pen, connection, x, y) {
  const { left, ended, reset } = connection;
  if (reset !== null) cross(pen, x(reset), y);
  else if (ended !== null) bar(pen, x(ended), y, colours.server);
  if (!left || (reset !== null && reset <= left.at)) return;
  if (left.how === "RST") cross(pen, x(left.at), y);
  else if (ended === null || left.at < ended) {
    if (endOf(connection)[0] === "gave-up") flag(pen, x(left.at), y);
    else bar(pen, x(left.at), y, colours.client);
  }
}

function cross(pen, x, y, text = "RST") {
  pen.strokeStyle = colours.fault;
  pen.lineWidth = 2.5;
  pen.beginPath();
  pen.moveTo(x - 5, y - 5);
  pen.lineTo(x + 5, y + 5);
  pen.moveTo(x + 5, y - 5);
  pen.lineTo(x - 5, y + 5);
  pen.stroke();
  words(pen, text, x + 9, y + 4);
}

function bar(pen, x, y, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2.5;
  pen.beginPath();
  pen.moveTo(x, y - 8);
  pen.lineTo(x, y + 8);
  pen.stroke();
}

function flag(pen, x, y) {
  pen.strokeStyle = colours.client;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x, y + 8);
  pen.lineTo(x, y - 10);
  pen.lineTo(x + 9, y - 10);
  pen.lineTo(x + 6, y - 7);
  pen.lineTo(x + 9, y - 4);
  pen.lineTo(x, y - 4);
  pen.stroke();
}

function words(pen, text, x, y) {
  pen.font = colours.font;
  pen.fillStyle = colours["ink-2"];
  pen.fillText(text, x, y);
}

// The connection of a lane that is drawn at a point, or the nearest one in its row.
export function at(lane, { px, py, width, from, to }) {
  const row = lane.rows[Math.min(lane.rows.length - 1, Math.max(0, Math.floor((py - TOP + ROW / 2) / ROW)))];
  if (!row?.length) return null;
  const time = from + (px / width) * (to - from);
  const away = (each) => Math.max(each.opened - time, time - (each.closed ?? to), 0);
  return row.reduce((best, each) => (away(each) < away(best) ? each : best));
}
