import { html } from "../lib.js";
export function MatrixView() { return html`<section><h1>soon</h1></section>`; }
