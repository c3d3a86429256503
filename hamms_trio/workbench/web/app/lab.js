// What runs here: the lab beside the workbench, and its failure modes.
import { get } from "./api.js";
import { computed, signal } from "./lib.js";

export const health = signal(null); // of the lab; null while unknown
export const modes = signal(null); // null while they are fetched
export const problem = signal(""); // why there are no modes
export const families = computed(() => grouped(modes.value ?? []));
export const bySlug = computed(() => new Map((modes.value ?? []).map((mode) => [mode.slug, mode])));

export async function load() {
  try {
    const [state, known] = await Promise.all([get("/_hamms/health"), get("/_hamms/modes")]);
    health.value = state;
    modes.value = known.modes;
    problem.value = "";
  } catch (error) {
    modes.value = [];
    problem.value = error.status === 404 ? "alone" : error.message;
  }
}

function grouped(all) {
  const found = new Map();
  for (const mode of all) {
    if (!found.has(mode.family)) found.set(mode.family, []);
    found.get(mode.family).push(mode);
  }
  return found;
}

// The range of the lab's own ports, for the top bar.
export const ports = computed(() => {
  const known = (modes.value ?? []).map((mode) => mode.port).filter(Boolean);
  if (!known.length) return "";
  return `${location.hostname}:${Math.min(...known)}-${Math.max(...known)}`;
});

// The port of a door by its name; that of this page where the door has none.
export function portOfDoor(name) {
  return health.value?.ports?.[name] ?? (Number(location.port) || 80);
}
