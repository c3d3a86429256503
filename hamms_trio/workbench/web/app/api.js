// Calls of the workbench's API. They are marked as the page's own, unless the reader wants to see them.
import { asksForLogin, identity, keepToken, token } from "./account.js";
import { signal } from "./lib.js";

export const showsOwnCalls = signal(false);
export const goneSince = signal(0); // seconds since the epoch; 0 while the server answers

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function ownHeaders() {
  const headers = showsOwnCalls.value ? {} : { "X-Hamms-Page": "1" };
  if (token.value) headers.Authorization = `Bearer ${token.value}`;
  return headers;
}

export async function call(method, path, body, { quiet = false } = {}) {
  const headers = ownHeaders();
  const init = { method, headers, cache: "no-store", credentials: "omit" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = typeof body === "string" ? body : JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (!goneSince.value) goneSince.value = Date.now() / 1000;
    throw new Refused(0, "gone", "The workbench does not answer.");
  }
  goneSince.value = 0;
  if (response.status === 204) return null;
  const document = await parsed(response);
  if (response.ok) return document;
  const refused = refusalOf(response, document);
  if (refused.status === 401 && !quiet) asksForLogin.value = "This needs somebody who is known here.";
  throw refused;
}

async function parsed(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refusalOf(response, document) {
  const error = document?.error ?? {};
  const message = error.message ?? document?.detail ?? `${response.status} ${response.statusText}`;
  return new Refused(response.status, error.code ?? "", message);
}

export const get = (path, options) => call("GET", path, undefined, options);
export const post = (path, body = {}, options) => call("POST", path, body, options);
export const put = (path, body) => call("PUT", path, body);
export const remove = (path) => call("DELETE", path);

export async function identify() {
  try {
    identity.value = (await get("/api/auth/me", { quiet: true })).auth;
  } catch (error) {
    if (error.status === 401) identity.value = null;
  }
}

export async function logIn(username, password) {
  const { session } = await post("/api/auth/login", { username, password }, { quiet: true });
  keepToken(session.token);
  await identify();
}

export async function useToken(text) {
  const before = token.value;
  keepToken(text);
  await identify();
  if (text && !identity.value) {
    keepToken(before);
    await identify();
    throw new Refused(401, "unauthorized", "Nobody here bears this token.");
  }
}

export async function logOut() {
  try {
    await post("/api/auth/logout", {}, { quiet: true });
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  keepToken("");
  await identify();
}
