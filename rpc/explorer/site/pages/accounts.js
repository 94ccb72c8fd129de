// An account: what it has, what holds it, and what it has to do with data.

import { Amount, Answer, BlockLink, Facts, Hash, Link, Page, Section, Table, Value, chain, html, useAsk } from "../ui.js";
import { count, short } from "../format.js";
import { DatasetList } from "./datasets.js";
import { JobTable } from "./jobs.js";

export function AccountPage({ address }) {
  const answer = useAsk("explorer_account", [address]);
  return html`<${Answer} answer=${answer}>${(card) => html`<${AccountCard} card=${card} />`}<//>`;
}

function AccountCard({ card }) {
  const name = chain.names[card.address];
  return html`
    <${Page} title=${name ?? short(card.address, 10, 8)} kicker=${name ? "Dev account, whose secret everybody knows" : "Account"}>
      <${Facts}
        facts=${[
          ["Address", html`<code class="hash">${card.address}</code>`],
          ["Public key", html`<${Hash} value=${card.publicKey} whole=${true} />`],
          ["Free", html`<${Amount} planck=${card.free} digits=${6} />`],
          ["Held", html`<${Amount} planck=${card.reserved} digits=${6} />`],
          ["Frozen", card.frozen === "0" ? null : html`<${Amount} planck=${card.frozen} digits=${6} />`],
          ["Transactions", count(card.nonce)],
        ]}
      />
      ${(card.holds.length > 0 || card.freezes.length > 0 || card.locks.length > 0) &&
      html`<${Section} title="What holds its money">
        <${Table}
          caption="Holds, freezes and locks"
          heads=${["Reason", { name: "Amount", right: true }]}
          rows=${[...card.holds, ...card.freezes, ...card.locks].map((each, at) => ({
            key: at,
            cells: [html`<${Value} value=${each.id} />`, html`<${Value} value=${each.amount} />`],
          }))}
        />
      <//>`}
      ${card.unclaimed.length > 0 &&
      html`<${Section} title="Rewards to claim">
        <${Table}
          caption="Rewards to claim, by era"
          heads=${["Era", { name: "Amount", right: true }]}
          rows=${card.unclaimed.map((each) => ({ key: each.era, cells: [count(each.era), html`<${Amount} planck=${each.amount} />`] }))}
        />
      <//>`}
      ${card.worker &&
      html`<${Section} title="As a worker">
        <${Facts}
          facts=${[
            ["Bond", html`<${Amount} planck=${card.worker.bond} />`],
            ["Owes", `${count(card.worker.active)} jobs`],
            ["Completed", count(card.worker.completed)],
            ["Refunded", count(card.worker.refunded)],
            ["Leaves at", card.worker.leaving && html`<${BlockLink} number=${card.worker.leaving} />`],
          ]}
        />
      <//>`}
      ${card.datasetCount > 0 &&
      html`<${Section} title="Datasets" note=${more(`datasets?publisher=${card.address}`, card.datasetCount, card.datasets.length)}>
        <${DatasetList} items=${card.datasets} />
      <//>`}
      ${card.jobCount > 0 &&
      html`<${Section} title="Jobs" note=${more(`jobs?account=${card.address}`, card.jobCount, card.jobs.length)}>
        <${JobTable} rows=${card.jobs} />
      <//>`}
      ${!card.datasetCount && !card.jobCount && html`<p class="soft">It has published, ordered and worked on nothing.</p>`}
    <//>
  `;
}

const more = (to, total, shown) => (total > shown ? html`<${Link} to=${to}>All ${count(total)}<//>` : null);
