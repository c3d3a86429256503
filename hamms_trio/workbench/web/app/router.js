// Addresses of the page: what follows # is a path and a query, so every view has a link of its own.
import { signal } from "./lib.js";

const STARTS = { "/static/dashboard.html": "/workbench/dashboard", "/playground-minimal": "/workbench" };

export const route = signal(read());

let isOnward = false; // true when a link leads on; for back and forward, the browser restores the place

addEventListener("click", (event) => {
  isOnward = Boolean(event.target.closest?.('a[href^="#/"]')) && !event.ctrlKey && !event.metaKey;
}, true);

addEventListener("hashchange", () => {
  const before = route.value.path;
  route.value = read();
  if (isOnward && route.value.path !== before) requestAnimationFrame(() => scrollTo(0, 0));
  isOnward = false;
});

function read() {
  const hash = location.hash.slice(1);
  const [path, query = ""] = (hash || start()).split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { path, parts, query: new URLSearchParams(query) };
}

function start() {
  const mission = new URLSearchParams(location.search).get("mission");
  if (mission) return `/workbench/missions/${encodeURIComponent(mission)}`;
  return STARTS[location.pathname] ?? "/modes";
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function go(address, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", address);
    route.value = read();
  } else {
    isOnward = true;
    location.hash = address;
  }
}

// Writes a query into the present address without a new entry in the browser's history.
export function setQuery(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== "" && value !== undefined && value !== null) query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", `#${route.value.path}${text ? `?${text}` : ""}`);
}
