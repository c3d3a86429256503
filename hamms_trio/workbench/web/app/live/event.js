// One event as the stream told it.
import { clock } from "../format.js";
import { html, useEffect, useRef } from "../lib.js";
import { Code, Empty, Glyph, showDrawer } from "../parts/marks.js";
import { go, link } from "../router.js";
import { connections } from "./connections.js";

export function EventDetail({ id }) {
  const drawer = useRef(null);
  useEffect(() => showDrawer(drawer.current), [id]);
  const event = connections.log.find((each) => each.id === Number(id));
  return html`<aside class="drawer" ref=${drawer} aria-labelledby="eh"><header><h2 id="eh">event ${id}</h2>
      <button type="button" class="plain" data-close="" aria-label="Close the detail" onClick=${() => go("#/live")}><${Glyph} name="i-x" kind="i" /></button></header>
    ${event ? html`<${About} event=${event} />` : html`<${Empty}><p><b>This event is not known here any more.</b></p><p>The page keeps the newest 10 000.</p></${Empty}>`}
  </aside>`;
}

function About({ event: { type, at, trace, payload, connection } }) {
  return html`<p class="claim">${type}</p>
    <dl class="res"><dt>at</dt><dd class="n">${clock(at)}</dd>
      ${connection && html`<dt>connection</dt><dd><a href=${link("live", "c", String(connection.id))}>c-${connection.id}</a></dd>`}
      ${trace && html`<dt>trace</dt><dd class="mono"><a href=${link("workbench", "history", trace)}>${trace}</a></dd>`}
      ${payload.run_id && html`<dt>run</dt><dd class="mono"><a href=${link("workbench", "runs", payload.run_id)}>${payload.run_id}</a></dd>`}</dl>
    <h3>Payload</h3><${Code} text=${JSON.stringify(payload, null, 2)} label="The payload" />`;
}
