// The workbench: mocks, history, scenarios, incidents and targets, and the boards over them.
import { html, useEffect } from "../lib.js";
import { Dashboard } from "./dashboard.js";
import { History } from "./history.js";
import { IncidentBar, watchIncidents } from "./incident.js";
import { Missions } from "./missions.js";
import { Mocks } from "./mocks.js";
import { watchRuns } from "./runs.js";
import { Scenarios } from "./scenarios.js";
import { Slo } from "./slo.js";
import { Targets } from "./targets.js";

const SECTIONS = [["", "Bench"], ["dashboard", "Dashboard"], ["missions", "Missions"]];

export function BenchView({ section = "", id, rest }) {
  useEffect(() => {
    watchIncidents();
    watchRuns();
  }, []);
  const isOn = (name) => name === section || (!name && !["dashboard", "missions"].includes(section));
  return html`<header class="vhead"><h1>Workbench</h1><p class="lead">A well-behaved server on ${location.host}: give it answers, break them on purpose, and compare what came of it.</p>
      <nav class="subnav" aria-label="Parts of the workbench">${SECTIONS.map(([name, title]) => html`<a href="#/workbench${name && `/${name}`}" aria-current=${isOn(name) ? "page" : undefined}>${title}</a>`)}</nav></header>
    ${section === "dashboard" ? html`<${Dashboard} />` : section === "missions" ? html`<${Missions} id=${id} />` : html`<${Bench} section=${section} id=${id} rest=${rest} />`}`;
}

function Bench({ section, id, rest }) {
  const of = (name) => (section === name ? id : undefined);
  return html`<${IncidentBar} /><${Slo} />
    <div class="wbgrid">
      <div class="column"><${Mocks} id=${of("mocks")} /><${Targets} /></div>
      <${History} id=${of("history")} other=${section === "history" ? rest : undefined} />
      <${Scenarios} id=${of("scenarios")} run=${of("runs")} before=${section === "runs" ? rest : undefined} />
    </div>`;
}
