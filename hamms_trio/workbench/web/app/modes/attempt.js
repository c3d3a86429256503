// "Try it now": the browser's own fetch meets the mode, and the page says what came of it.
import { octets, seconds } from "../format.js";
import { labelOf, queryOf } from "./arguments.js";
import { isTls } from "./doors.js";

// Same origin where the mode acts on requests; else its own port, of whose answer a page may see only that it came.
export function reachOf(mode) {
  if (!mode.needs_port) return "own";
  return mode.port ? "port" : "none";
}

export async function attempt(mode, values, { limit, signal, isQuiet = false }) {
  const isOwn = reachOf(mode) === "own";
  const url = isOwn
    ? `/mode/${labelOf(mode, values)}/`
    : `${isTls(mode) ? "https" : "http"}://${location.hostname}:${mode.port}/${queryOf(mode, values)}`;
  const timeout = AbortSignal.timeout(limit * 1000);
  const init = { cache: "no-store", credentials: "omit", signal: AbortSignal.any([timeout, signal]) };
  if (!isOwn) init.mode = "no-cors";
  if (isOwn && isQuiet) init.headers = { "X-Hamms-Page": "1" };
  const begun = performance.now();
  const result = { url, status: 0, fields: [], octets: 0, beginning: "", error: "", isOpaque: !isOwn };
  try {
    const response = await fetch(url, init);
    Object.assign(result, { status: response.status, fields: [...response.headers], url: response.url || url });
    await readBody(response, result);
  } catch (error) {
    result.error = `${error.name}: ${error.message}`;
    result.isTimeout = error.name === "TimeoutError";
    result.isStopped = error.name === "AbortError";
  }
  result.seconds = (performance.now() - begun) / 1000;
  return { ...result, ...judged(mode, result) };
}

const SHOWN = 400; // characters of a body

async function readBody(response, result) {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    result.octets += value.length;
    if (result.beginning.length < SHOWN) result.beginning += decoder.decode(value.slice(0, SHOWN), { stream: true });
  }
}

// The browser's outcome against what a correct client owes, as far as a page can tell.
function judged(mode, { error, isTimeout, isStopped, octets: came, status, isOpaque, seconds: took }) {
  const claim = error ? `“${error}”, ${seconds(took)} after the request` : said(status, came, isOpaque, took);
  if (isStopped) return { mark: "v-na", claim: `stopped after ${seconds(took)}` };
  const { outcome } = mode.client;
  if (isTls(mode) && error && outcome !== "error") return { mark: "v-info", claim: `${claim}; a browser that does not trust the lab's authority can't tell more` };
  if (outcome === "error" && error) return { mark: "v-pass", claim };
  if (outcome === "error" && isOpaque) return { mark: "v-info", claim };
  if (outcome === "error") return { mark: came ? "v-trunc" : "v-warn", claim: `reports success: ${claim}` };
  if (outcome === "exact" && error) return { mark: "v-rejected", claim };
  if (outcome === "timeout" && (isTimeout || error)) return { mark: "v-pass", claim };
  return { mark: error ? "v-info" : "v-pass", claim };
}

function said(status, came, isOpaque, took) {
  if (isOpaque) return `an answer came within ${seconds(took)}; a page may not read it from another port`;
  return `${status}, ${octets(came)}, within ${seconds(took)}`;
}
