// Eras: what each had to give, and whose data earned it.

import { Amount, Answer, Facts, Link, Page, Section, Table, chain, html, useAsk, useHeads } from "../ui.js";
import { amount, count, plural } from "../format.js";

export function RewardsPage() {
  const answer = useAsk("explorer_rewards", [24]);
  return html`
    <${Page} title="Rewards">
      <p class="lead">Each era mints for publishers what the fees that their data burned have earned; never more than was burned.</p>
      <${Answer} answer=${answer}>${(rewards) => html`<${Eras} rewards=${rewards} />`}<//>
    <//>
  `;
}

function Eras({ rewards }) {
  const { heads } = useHeads();
  const ends = rewards.started + rewards.length;
  return html`
    <${Facts}
      facts=${[
        ["Era", count(rewards.era)],
        ["Ends", `at block ${count(ends)}, in ${plural(Math.max(ends - heads.number, 0), "block")}`],
        ["Issued", html`<${Amount} planck=${rewards.issued} />`],
        ["At most", html`<${Amount} planck=${rewards.cap} digits=${0} />`],
      ]}
    />
    <${Bars} eras=${rewards.eras} />
    <${Section} title="Eras">
      <${Table}
        caption="Eras, the newest first"
        heads=${["Era", { name: "Pool", right: true }, { name: "Fees burned", right: true }, { name: "Claimed", right: true }, "Earned by"]}
        rows=${rewards.eras.map((era) => ({
          key: era.era,
          cells: [
            html`<span class="num">${count(era.era)}</span>${era.era === rewards.era ? html` <span class="state" data-state="Running">now</span>` : ""}`,
            html`<${Amount} planck=${era.pool} />`,
            html`<${Amount} planck=${era.fees} />`,
            html`<${Amount} planck=${era.claimed} />`,
            html`<${Earners} earners=${era.earners} />`,
          ],
        }))}
      />
    <//>
  `;
}

const Earners = ({ earners }) =>
  earners.length
    ? earners.map((each, at) => html`${at ? ", " : ""}<${Link} to=${`datasets/${each.dataset}`}>${each.name || `#${each.dataset}`}<//>`)
    : html`<span class="soft">nobody</span>`;

/** Fees burned, era by era, the oldest first. */
function Bars({ eras }) {
  const shown = [...eras].reverse();
  const most = shown.reduce((found, era) => (BigInt(era.fees) > found ? BigInt(era.fees) : found), 1n);
  const height = (fees) => `${Math.max(Number((BigInt(fees) * 1000n) / most) / 10, 1)}%`;
  return html`<figure class="bars">
    <figcaption>Fees burned, by era</figcaption>
    <div role="img" aria-label=${`Fees burned in the last ${shown.length} eras; the table below has the figures`}>
      ${shown.map((era) => html`<i key=${era.era} style=${{ height: height(era.fees) }} title=${`Era ${era.era}: ${amount(era.fees, chain.decimals)} ${chain.symbol}`}></i>`)}
    </div>
    <p class="legend soft"><span>era ${count(shown[0]?.era ?? 0)}</span><span>era ${count(shown[shown.length - 1]?.era ?? 0)}</span></p>
  </figure>`;
}
