// Who the reader is. The token stays in this tab, and goes with it.
import { computed, signal } from "./lib.js";

const KEY = "hamms.token";
const RANKS = { viewer: 1, operator: 2, admin: 3 };

export const token = signal(sessionStorage.getItem(KEY) || "");
export const identity = signal(undefined); // {username, role}, null for nobody, undefined while that is asked
export const asksForLogin = signal(""); // the reason why the dialog is open; "" while it is closed
export const role = computed(() => identity.value?.role ?? (identity.value === null ? "nobody" : "…"));
export const isOpenMode = computed(() => identity.value?.username === "open_mode");

// While the role is not known yet, the server decides.
export function may(needed) {
  if (identity.value === undefined) return true;
  return (RANKS[role.value] ?? 0) >= RANKS[needed];
}

// The reason why a control is off, for its title; undefined if it is not.
export function reasonOff(needed) {
  return may(needed) ? undefined : `This needs the role ${needed}, and you are ${role.value}.`;
}

export function keepToken(text) {
  token.value = text;
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}
