import { signal } from "../lib.js";
export const openConnections = signal(0);
export function watchConnections() {}
