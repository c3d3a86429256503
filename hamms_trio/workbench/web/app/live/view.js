import { html } from "../lib.js";
export function LiveView() { return html`<section><h1>soon</h1></section>`; }
