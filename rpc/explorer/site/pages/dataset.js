// A dataset's card: what it is, how it looks, where it comes from, and that it is still there.

import { Account, Answer, BlockLink, Facts, Hash, Link, Page, Section, Table, Value, html, useAsk } from "../ui.js";
import { bytes, count, epsilon, plural, spaced } from "../format.js";
import { Citations } from "../graph.js";
import { Proofs } from "../strips.js";
import { Files } from "../files.js";
import { JobTable } from "./jobs.js";

const PREVIEW_ROWS = 10;
const PREVIEW_COLUMNS = 64;

export function DatasetPage({ number, query }) {
  const revision = query.has("revision") ? Number(query.get("revision")) : null;
  const answer = useAsk("explorer_dataset", [Number(number), revision]);
  return html`<${Answer} answer=${answer}>${(card) => html`<${DatasetCard} card=${card} />`}<//>`;
}

function DatasetCard({ card }) {
  const { row, metadata } = card;
  return html`
    <${Page} title=${row.name} kicker=${html`<span class="num">#${row.number}</span> · ${row.kind === "private" ? "private table" : "public dataset"}`}>
      <${Warnings} card=${card} />
      <div class="card">
        <div class="story">
          ${metadata.description && html`<p class="lead">${metadata.description}</p>`}
          ${row.tags.length > 0 &&
          html`<p class="chips">
            ${row.tags.map((tag) => html`<${Link} class="chip" to=${`datasets?tag=${encodeURIComponent(tag)}`}>${tag}<//> `)}
          </p>`}
          ${card.private && html`<${Budget} card=${card} />`}
          <${Preview} card=${card} />
          ${card.private ? html`<${Schema} columns=${card.private.schema} />` : html`<${Fields} fields=${metadata.fields} />`}
          ${!card.private && html`<${Files} card=${card} />`}
        </div>
        <aside class="ledgerside" aria-label="Facts">
          <${Facts} facts=${facts(card)} />
          ${card.private && html`<h2>Terms</h2><${Terms} terms=${card.private.policy} />`}
        </aside>
      </div>
      ${!card.private && html`<${Revisions} card=${card} />`}
      <${Origin} number=${row.number} />
      <${Possession} number=${row.number} />
      ${card.private && html`<${Jobs} number=${row.number} />`}
    <//>
  `;
}

function Warnings({ card }) {
  return html`
    ${card.row.deprecated &&
    html`<p class="fault">
      Its publisher advises against it${card.reason ? html`: ${card.reason}` : "."}
      ${card.successor !== null && html` Use <${Link} to=${`datasets/${card.successor}`}>dataset #${card.successor}<//> instead.`}
    </p>`}
    ${card.original !== null &&
    html`<p class="fault">
      It says exactly what <${Link} to=${`datasets/${card.original}`}>dataset #${card.original}<//> had said before.
    </p>`}
  `;
}

const facts = (card) => [
  ["Publisher", html`<${Account} address=${card.row.publisher} />`],
  ["Licence", html`<${Link} to=${`datasets?spdx=${encodeURIComponent(card.row.spdx)}`}>${card.row.spdx}<//>`],
  ["Rows", count(card.row.rows)],
  ["Size", card.row.bytes === null ? null : bytes(card.row.bytes)],
  ["Published", html`block <${BlockLink} number=${card.row.createdAt} />`],
  ["Revision", card.private ? null : card.shown === card.row.revisions - 1 ? `${card.shown}, the newest` : `${card.shown}; the newest is ${card.row.revisions - 1}`],
  ["Created by", card.metadata.creators.join(", ")],
  ["Cite as", card.metadata.citeAs],
  ["Version", card.metadata.version],
  ["Source", card.metadata.url],
  ["Row commitment", card.private && html`<${Hash} value=${card.private.rowRoot} />`],
  ["Croissant", card.metadataCid && html`<a href=${`/datasets/${card.row.number}/croissant.json?revision=${card.shown}`} download=${`croissant-${card.row.number}.json`}>JSON-LD</a>`],
];

/** What was taken, what running jobs may still take, and what is left. */
function Budget({ card }) {
  const { budget, spentMicro, reservedMicro, bytesSpent, bytesReserved } = card.private;
  return html`<${Section} title="Privacy budget" note=${html`at δ = <${Power} value=${budget.deltaPico / 1e12} />`}>
    <${Meter} name="ε" spent=${spentMicro} reserved=${reservedMicro} cap=${budget.epsilonMicro} show=${epsilon} />
    <${Meter} name="Released" spent=${bytesSpent} reserved=${bytesReserved} cap=${budget.outputBytes} show=${bytes} />
  <//>`;
}

const Power = ({ value }) => {
  const [digits, exponent] = value.toExponential().split("e");
  return html`${digits} × 10<sup>${exponent.replace("-", "−")}</sup>`;
};

function Meter({ name, spent, reserved, cap, show }) {
  const part = (value) => `${cap ? Math.min(100, (100 * value) / cap) : 0}%`;
  const left = Math.max(cap - spent - reserved, 0);
  const told = `${name}: ${show(spent)} spent, ${show(reserved)} reserved, ${show(left)} left of ${show(cap)}`;
  return html`<div class="meter">
    <div class="track" role="meter" aria-valuemin="0" aria-valuemax=${cap} aria-valuenow=${spent + reserved} aria-valuetext=${told} aria-label=${name}>
      <i class="spent" style=${{ width: part(spent) }}></i><i class="reserved" style=${{ width: part(reserved) }}></i>
    </div>
    <p>
      <b>${name}</b> <span class="key spent">${show(spent)} spent</span>
      <span class="key reserved">${show(reserved)} reserved</span> <span class="key left">${show(left)} left</span>
      <span class="soft">of ${show(cap)}</span>
    </p>
  </div>`;
}

function Terms({ terms }) {
  const told = [
    ["Price of a job", html`<${Value} value=${terms.pricePerJob} />`],
    ["Price of ε = 1", html`<${Value} value=${terms.pricePerEpsilon} />`],
    ["Largest ε", terms.maxEpsilonMicro === undefined ? null : epsilon(Number(terms.maxEpsilonMicro))],
    ["Largest result", terms.maxOutputBytes === undefined ? null : bytes(terms.maxOutputBytes)],
  ];
  const known = ["pricePerJob", "pricePerEpsilon", "maxEpsilonMicro", "maxOutputBytes"];
  const others = Object.entries(terms).filter(([name]) => !known.includes(name));
  return html`<${Facts} facts=${[...told, ...others.map(([name, value]) => [spaced(name), html`<${Value} value=${value} />`])]} />`;
}

function Preview({ card }) {
  const revision = card.private ? null : card.shown;
  const answer = useAsk("datasets_preview", [card.row.number, PREVIEW_ROWS, revision], { live: false });
  const title = card.private ? "Mock" : "Preview";
  const note = card.private ? "Made up from the schema below: no row of it is real." : null;
  if (answer.error) return html`<${Section} title=${title}><p class="soft">${answer.error}.</p><//>`;
  return html`<${Section} title=${title} note=${note ?? answer.value?.file}>
    <${Answer} answer=${answer}>${(table) => html`<${PreviewTable} table=${table} />`}<//>
  <//>`;
}

const PreviewTable = ({ table }) => html`
  <${Table}
    caption="The first rows"
    heads=${table.columns.slice(0, PREVIEW_COLUMNS).map((name, at) => ({ name, right: isNumeric(table.rows, at) }))}
    rows=${table.rows.map((cells, key) => ({ key, cells: cells.slice(0, PREVIEW_COLUMNS) }))}
    empty="It has no rows."
  />
  ${table.columns.length > PREVIEW_COLUMNS && html`<p class="note">${table.columns.length - PREVIEW_COLUMNS} more columns.</p>`}
`;

const isNumeric = (rows, at) => rows.length > 0 && rows.every((row) => /^-?\d+([.]\d+)?$/.test(row[at] ?? ""));

const Schema = ({ columns }) => html`<${Section} title="Schema">
  <${Table}
    caption="Columns of the private table"
    heads=${["Column", "Type", "Declared"]}
    rows=${columns.map((column) => ({
      key: column.name,
      cells: [
        html`${column.name}${column.isLabel ? html` <span class="state" data-state="Running">label</span>` : ""}`,
        column.type,
        column.classCount ? `one of ${column.classes.join(", ")}${column.classCount > column.classes.length ? "…" : ""}` : `${column.lower} to ${column.upper}`,
      ],
    }))}
    empty="The schema is not stored any more, or is none."
  />
<//>`;

const Fields = ({ fields }) =>
  fields.length > 0 &&
  html`<${Section} title="Columns">
    <${Table}
      caption="Columns as the publisher describes them"
      heads=${["Column", "Type", "Description"]}
      rows=${fields.map((field, key) => ({ key, cells: [field.name, field.type.replace(/^sc:/, "").replace(/, sc:/g, ", "), field.description] }))}
    />
  <//>`;

const Revisions = ({ card }) => html`<${Section} title="Revisions" note="None is ever changed or removed.">
  <ol class="revisions">
    ${card.revisions.map(
      (revision) => html`<li key=${revision.number} aria-current=${revision.number === card.shown ? "true" : null}>
        <${Link} to=${`datasets/${card.row.number}?revision=${revision.number}`}>Revision ${revision.number}<//>
        ${revision.tags.map((tag) => html` <span class="chip">${tag}</span>`)}
        <span class="soft">block <${BlockLink} number=${revision.at} /> · ${plural(revision.rows, "row")} · ${bytes(revision.bytes)}</span>
        <${Hash} value=${revision.fingerprint} />
      </li>`,
    )}
  </ol>
  ${card.changelog && html`<pre class="text">${card.changelog}</pre>`}
<//>`;

function Origin({ number }) {
  const answer = useAsk("explorer_citations", [number]);
  return html`<${Section} title="Citations">
    <${Answer} answer=${answer}>${(graph) => html`<${Citations} graph=${graph} />`}<//>
  <//>`;
}

function Possession({ number }) {
  const answer = useAsk("explorer_proofs", [number]);
  return html`<${Section} title="Storage proofs" note="Every block's author must show a chunk drawn from all that is pinned.">
    <${Answer} answer=${answer}>${(history) => html`<${Proofs} history=${history} />`}<//>
  <//>`;
}

function Jobs({ number }) {
  const answer = useAsk("explorer_jobs", [null, number, null, 0, 10]);
  return html`<${Section} title="Jobs on it" note=${html`<${Link} to=${`jobs?dataset=${number}`}>All jobs<//>`}>
    <${Answer} answer=${answer}>${(page) => html`<${JobTable} rows=${page.items} />`}<//>
  <//>`;
}
