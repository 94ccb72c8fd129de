// Blocks and extrinsics, with what was called and what came of it.

import { useState } from "../vendor/hooks.js";
import {
  Account,
  Amount,
  Answer,
  Arguments,
  BlockLink,
  Called,
  Facts,
  Hash,
  Link,
  Page,
  Section,
  Table,
  Time,
  html,
  useAsk,
} from "../ui.js";
import { bytes, count, spaced } from "../format.js";

const SHOWN = 25;

export function BlocksPage({ query }) {
  const before = Number(query.get("before")) || null;
  const rows = useAsk("explorer_blocks", [before, SHOWN], { live: before === null });
  const lowest = rows.value?.length ? rows.value[rows.value.length - 1].number : 0;
  return html`
    <${Page} title="Blocks">
      <${Answer} answer=${rows}>${(found) => html`<${BlockTable} rows=${found} />`}<//>
      <nav class="pager" aria-label="Pages">
        ${before ? html`<${Link} to="blocks">Latest<//>` : html`<span class="soft">Live</span>`}
        ${lowest > 0 && html`<${Link} to=${`blocks?before=${lowest}`} rel="next">Older →<//>`}
      </nav>
    <//>
  `;
}

/** @param {{rows: any[], brief?: boolean}} props */
export const BlockTable = ({ rows, brief = false }) => html`
  <${Table}
    caption="Blocks, the highest first"
    heads=${brief ? ["Block", "What was sent", "Made"] : ["Block", "What was sent", { name: "Extrinsics", right: true }, { name: "Events", right: true }, "Hash", "Made"]}
    rows=${rows.map((row) => ({
      key: row.hash,
      cells: brief
        ? [html`<${Number_} row=${row} />`, html`<${Calls} row=${row} />`, html`<${Time} time=${row.time} />`]
        : [
            html`<${Number_} row=${row} />`,
            html`<${Calls} row=${row} />`,
            count(row.extrinsics),
            count(row.events),
            html`<${Hash} value=${row.hash} />`,
            html`<${Time} time=${row.time} />`,
          ],
    }))}
  />
`;

const Number_ = ({ row }) => html`<${BlockLink} number=${row.number} />${row.final
    ? ""
    : html` <span class="state" data-state="Queued">not final</span>`}`;

function Calls({ row }) {
  if (!row.sent) return html`<span class="soft">nothing</span>`;
  const left = row.sent - row.calls.length;
  return html`${row.calls.map((call, at) => {
    const [section, method] = call.split(".");
    return html`${at ? html`<span class="soft">, </span>` : ""}<${Called} section=${section} method=${method} />`;
  })}${left > 0 ? html`<span class="soft"> and ${count(left)} more</span>` : ""}`;
}

export function BlockPage({ block }) {
  const answer = useAsk("explorer_block", [block]);
  return html`<${Answer} answer=${answer}>${(card) => html`<${BlockCard} card=${card} />`}<//>`;
}

function BlockCard({ card }) {
  const { row } = card;
  const early = card.events.filter((event) => event.phase === "Initialization");
  const late = card.events.filter((event) => event.phase === "Finalization");
  return html`
    <${Page} title=${`Block ${count(row.number)}`} kicker=${html`<${Around} card=${card} />`}>
      ${!card.onBestChain &&
      html`<p class="fault">This block is not on the best chain: another one stands at its height.</p>`}
      <${Facts}
        facts=${[
          ["Made", row.time === null ? null : html`<${Time} time=${row.time} />`],
          ["Finality", row.final ? "final" : "may still be replaced"],
          ["Hash", html`<${Hash} value=${row.hash} whole=${true} />`],
          ["Parent", row.number ? html`<${Link} to=${`blocks/${card.parent}`}><${Hash} value=${card.parent} whole=${true} /><//>` : null],
          ["State root", html`<${Hash} value=${card.stateRoot} whole=${true} />`],
          ["Extrinsics root", html`<${Hash} value=${card.extrinsicsRoot} whole=${true} />`],
        ]}
      />
      <${Section} title="Extrinsics">
        ${card.extrinsics.length
          ? html`<ol class="ledger" start="0">
              ${card.extrinsics.map(
                (extrinsic) => html`<li key=${extrinsic.hash + extrinsic.index}>
                  <${ExtrinsicLine} block=${row.number} extrinsic=${extrinsic} events=${card.events} />
                </li>`,
              )}
            </ol>`
          : html`<p class="soft">The first block has none.</p>`}
      <//>
      ${early.length > 0 && html`<${Section} title="Before the extrinsics"><${Events} events=${early} /><//>`}
      ${late.length > 0 && html`<${Section} title="After the extrinsics"><${Events} events=${late} /><//>`}
    <//>
  `;
}

const Around = ({ card }) => html`
  ${card.row.number > 0 && html`<${Link} to=${`blocks/${card.row.number - 1}`} rel="prev">← ${count(card.row.number - 1)}<//>`}
  ${card.child && html` <${Link} to=${`blocks/${card.row.number + 1}`} rel="next">${count(card.row.number + 1)} →<//>`}
`;

function ExtrinsicLine({ block, extrinsic, events }) {
  const own = events.filter((event) => event.phase === extrinsic.index);
  const [open, setOpen] = useState(!extrinsic.inherent);
  return html`
    <details open=${open} onToggle=${(/** @type {any} */ event) => setOpen(event.target.open)}>
      <summary>
        <${Called} ...${extrinsic} />
        ${extrinsic.signer && html` <span class="soft">by</span> <${Account} address=${extrinsic.signer} />`}
        <span class="state" data-state=${extrinsic.success ? "Completed" : "Refunded"}
          >${extrinsic.inherent ? "author's" : extrinsic.success ? "done" : "failed"}</span
        >
      </summary>
      ${extrinsic.error && html`<p class="fault">${extrinsic.error}</p>`}
      ${open &&
      html`<${Arguments} values=${extrinsic.args} />
        <${Events} events=${own} />
        <p class="note">
          Extrinsic <${Link} to=${`extrinsics/${block}-${extrinsic.index}`}>${count(block)}-${extrinsic.index}<//>, ${bytes(extrinsic.size)}${extrinsic.fee && html`, fee <${Amount} planck=${extrinsic.fee} digits=${6} />`}
        </p>`}
    </details>
  `;
}

export const Events = ({ events }) =>
  events.length
    ? html`<ul class="events" aria-label="Events">
        ${events.map(
          (event, at) => html`<li key=${at}>
            <${Called} section=${event.section} method=${event.method} docs=${event.docs} />
            <${Arguments} values=${event.data} />
          </li>`,
        )}
      </ul>`
    : null;

export function ExtrinsicPage({ id }) {
  const [block, index] = id.split("-");
  const answer = useAsk("explorer_block", [block]);
  return html`<${Answer} answer=${answer}>
    ${(card) => {
      const extrinsic = card.extrinsics[Number(index)];
      if (!extrinsic) return html`<p class="fault">Block ${block} has no extrinsic ${index}.</p>`;
      return html`<${ExtrinsicCard} card=${card} extrinsic=${extrinsic} />`;
    }}
  <//>`;
}

function ExtrinsicCard({ card, extrinsic }) {
  const events = card.events.filter((event) => event.phase === extrinsic.index);
  const name = `${spaced(extrinsic.section)}: ${spaced(extrinsic.method).toLowerCase()}`;
  return html`
    <${Page}
      title=${extrinsic.section ? name : "An extrinsic that cannot be read"}
      kicker=${html`Extrinsic ${extrinsic.index} of <${Link} to=${`blocks/${card.row.number}`}>block ${count(card.row.number)}<//>`}
    >
      ${extrinsic.docs && html`<p class="lead">${extrinsic.docs}</p>`}
      ${extrinsic.error && html`<p class="fault">${extrinsic.error}</p>`}
      <${Facts}
        facts=${[
          ["Outcome", extrinsic.success ? "done" : "failed"],
          ["Signed by", extrinsic.signer && html`<${Account} address=${extrinsic.signer} whole=${true} />`],
          ["Nonce", extrinsic.nonce === null ? null : count(extrinsic.nonce)],
          ["Fee", extrinsic.fee && html`<${Amount} planck=${extrinsic.fee} digits=${8} />`],
          ["Tip", extrinsic.tip && extrinsic.tip !== "0" ? html`<${Amount} planck=${extrinsic.tip} digits=${8} />` : null],
          ["Made", html`<${Time} time=${card.row.time} />`],
          ["Size", bytes(extrinsic.size)],
          ["Hash", html`<${Hash} value=${extrinsic.hash} whole=${true} />`],
        ]}
      />
      <${Section} title="Arguments"><${Arguments} values=${extrinsic.args} /><//>
      <${Section} title="Events"><${Events} events=${events} /><//>
    <//>
  `;
}
