// The history: pages of the API, and in front of them what the stream brings.
import { get } from "../api.js";
import { useEffect, useRef, useState } from "../lib.js";
import { paced } from "../pace.js";
import { subscribe } from "../stream.js";

const PAGE = 200;
const MOST = 10_000;

// The parameters of a filter such as "orders method:post status:200".
export function queryOf(text) {
  const query = new URLSearchParams({ order: "newest", limit: String(PAGE) });
  const words = [];
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^(method|status|path):(.+)$/.exec(word) ?? [];
    if (name) query.set(name, value);
    else words.push(word);
  }
  if (words.length) query.set("path", words.join(" "));
  return query;
}

function takes(query) {
  const [method, path, status] = ["method", "path", "status"].map((name) => query.get(name));
  return (row) => (!method || row.method === method.toUpperCase()) && (!path || row.path.includes(path)) && (!status || String(row.status) === status);
}

export function useRecords(filter) {
  const [state, setState] = useState({ rows: [], cursor: null, problem: null, isWaiting: true });
  const fetching = useRef(false);
  useEffect(() => {
    let isThere = true;
    const query = queryOf(filter);
    const isMeant = takes(query);
    const timer = setTimeout(() => {
      get(`/api/history?${query}`).then(
        ({ history, next_cursor: cursor }) => isThere && setState({ rows: history, cursor, problem: null, isWaiting: false }),
        (problem) => isThere && setState({ rows: [], cursor: null, problem, isWaiting: false }),
      );
    }, 150);
    let fresh = [];
    const show = paced(() => {
      const newest = fresh.reverse();
      fresh = [];
      if (isThere) setState((before) => ({ ...before, rows: [...newest, ...before.rows].slice(0, MOST) }));
    });
    const end = subscribe((events) => {
      const meant = events.filter(({ type }) => type === "request.completed").map(rowOf).filter(isMeant);
      if (!meant.length) return;
      fresh.push(...meant);
      show();
    });
    return () => {
      isThere = false;
      clearTimeout(timer);
      end();
    };
  }, [filter]);
  const more = async () => {
    if (fetching.current || !state.cursor) return;
    fetching.current = true;
    try {
      const query = queryOf(filter);
      query.set("cursor", state.cursor);
      const page = await get(`/api/history?${query}`);
      setState((before) => ({ ...before, rows: [...before.rows, ...page.history], cursor: page.next_cursor }));
    } finally {
      fetching.current = false;
    }
  };
  const clear = () => setState({ rows: [], cursor: null, problem: null, isWaiting: false });
  return { ...state, more, clear };
}

function rowOf({ trace_id: id, ts, payload }) {
  return { request_id: id, ts, method: payload.method, path: payload.path, status: payload.status, latency_ms: payload.latency_ms, hasReplay: payload.method !== "-" };
}

export const fetchRecord = (id) => get(`/api/history/${encodeURIComponent(id)}`).then(({ request }) => request);
