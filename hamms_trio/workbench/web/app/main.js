// The page: starts what it needs, and shows the view that the address names.
import { identify } from "./api.js";
import { token } from "./account.js";
import { watchConnections } from "./live/connections.js";
import { effect, html, render, useEffect } from "./lib.js";
import { load } from "./lab.js";
import { route } from "./router.js";
import { Shell } from "./shell.js";
import { openStream, reopenStream } from "./stream.js";
import { ModesView } from "./modes/list.js";
import { ModeView } from "./modes/mode.js";
import { LiveView } from "./live/view.js";
import { MatrixView } from "./matrix/view.js";
import { BenchView } from "./bench/view.js";

const TITLES = { modes: "Failure modes", live: "Live", matrix: "Matrix", workbench: "Workbench" };

function View() {
  const { parts } = route.value;
  const [view, slug] = parts;
  useEffect(() => {
    document.title = `${view === "modes" && slug ? slug : TITLES[view] ?? "Not found"} · hamms-trio`;
  }, [view, slug]);
  if (view === "modes") return slug ? html`<${ModeView} key=${slug} slug=${slug} />` : html`<${ModesView} />`;
  if (view === "live") return html`<${LiveView} kind=${parts[1]} id=${parts[2]} />`;
  if (view === "matrix") return html`<${MatrixView} mode=${parts[1]} client=${parts[2]} />`;
  if (view === "workbench") return html`<${BenchView} section=${parts[1]} id=${parts[2]} rest=${parts[3]} />`;
  return html`<section class="empty"><p><b>This page has no view called “${view}”.</b></p>
    <p><a href="#/modes">Begin with the failure modes.</a></p></section>`;
}

function Page() {
  return html`<${Shell}><${View} /></${Shell}>`;
}

render(html`<${Page} />`, document.getElementById("page"));
watchConnections();
load();
identify().then(openStream);
let first = true;
effect(() => {
  token.value;
  if (!first) reopenStream();
  first = false;
});
