// The beginning: what there is on this chain, and what has just happened.

import { Amount, Answer, Link, Page, Section, html, useAsk } from "../ui.js";
import { bytes, count } from "../format.js";
import { BlockTable } from "./blocks.js";
import { DatasetList } from "./datasets.js";

const CHUNK = 256;

export function HomePage() {
  const overview = useAsk("explorer_overview", []);
  const blocks = useAsk("explorer_blocks", [null, 10]);
  return html`
    <${Page} title=${overview.value?.chain ?? "Tilth"}>
      <${Answer} answer=${overview}>${(value) => html`<${Figures} overview=${value} />`}<//>
      <div class="two">
        <${Section} title="Latest blocks" note=${html`<${Link} to="blocks">All blocks<//>`}>
          <${Answer} answer=${blocks}>${(rows) => html`<${BlockTable} rows=${rows} brief=${true} />`}<//>
        <//>
        ${overview.value?.pallets.includes("Datasets") && html`<${Newest} />`}
      </div>
    <//>
  `;
}

function Newest() {
  const found = useAsk("explorer_datasets", ["", null, null, null, null, 0, 8]);
  return html`<${Section} title="Newest datasets" note=${html`<${Link} to="datasets">All datasets<//>`}>
    <${Answer} answer=${found}>${(value) => html`<${DatasetList} items=${value.items} brief=${true} />`}<//>
  <//>`;
}

const Figures = ({ overview }) => html`
  <ul class="figures">
    <${Figure} value=${count(overview.best)} name="blocks" />
    ${overview.pallets.includes("Datasets") &&
    html`<${Figure} value=${count(overview.publicDatasets)} name="public datasets" />
      <${Figure} value=${count(overview.privateDatasets)} name="private tables" />`}
    ${overview.pallets.includes("Compute") && html`<${Figure} value=${count(overview.jobs)} name="jobs" />`}
    ${overview.pinned > 0 &&
    html`<${Figure} value=${bytes(overview.pinnedChunks * CHUNK)} name="kept for ever, at most" />`}
    <${Figure} value=${html`<${Amount} planck=${overview.issuance} digits=${0} />`} name="issued" />
  </ul>
`;

const Figure = ({ value, name }) => html`<li><b>${value}</b><span>${name}</span></li>`;
