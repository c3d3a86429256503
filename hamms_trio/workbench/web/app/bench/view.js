import { html } from "../lib.js";
export function BenchView() { return html`<section><h1>soon</h1></section>`; }
