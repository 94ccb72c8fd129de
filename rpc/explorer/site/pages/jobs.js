// Jobs on private tables, the states they went through, and who does them.

import { Account, Amount, Answer, Arguments, BlockLink, Facts, Link, Page, Pager, Section, State, Table, html, useAsk } from "../ui.js";
import { count, epsilon, plural, spaced } from "../format.js";

const SHOWN = 25;

export function JobsPage({ query }) {
  const dataset = query.has("dataset") ? Number(query.get("dataset")) : null;
  const [account, state] = [query.get("account"), query.get("state")];
  const offset = Number(query.get("offset")) || 0;
  const answer = useAsk("explorer_jobs", [account, dataset, state, offset, SHOWN]);
  const to = (name, value) => {
    const next = new URLSearchParams(query);
    next.delete("offset");
    value === null ? next.delete(name) : next.set(name, value);
    return `jobs?${next}`;
  };
  return html`
    <${Page} title="Jobs">
      <${Answer} answer=${answer}>
        ${(page) => html`
          <p class="chips">
            <${Link} class=${state ? "chip" : "chip on"} to=${to("state", null)}>all<//>
            ${Object.entries(page.states).map(
              ([name, many]) => html` <${Link} class=${state === name ? "chip on" : "chip"} to=${to("state", name)}
                  >${spaced(name)} <span class="num">${count(many)}</span><//
                >`,
            )}
          </p>
          <${JobTable} rows=${page.items} />
          <${Pager} offset=${offset} limit=${SHOWN} total=${page.total} to=${(next) => to("offset", String(next))} />
        `}
      <//>
    <//>
  `;
}

/** @param {{rows: any[]}} props */
export const JobTable = ({ rows }) => html`
  <${Table}
    caption="Jobs, the newest first"
    heads=${["Job", "State", "Dataset", "Ordered by", "Worker", { name: "ε", right: true }, { name: "Price", right: true }, { name: "Block", right: true }]}
    rows=${rows.map((row) => ({
      key: row.number,
      cells: [
        html`<${Link} to=${`jobs/${row.number}`} class="num">${count(row.number)}<//>`,
        html`<${State} state=${row.state} />`,
        html`<${Link} to=${`datasets/${row.dataset}`}>${row.datasetName || `#${row.dataset}`}<//>`,
        html`<${Account} address=${row.requester} />`,
        row.worker ? html`<${Account} address=${row.worker} />` : html`<span class="soft">none yet</span>`,
        epsilon(row.epsilonMicro),
        html`<${Amount} planck=${row.price} />`,
        html`<${BlockLink} number=${row.createdAt} />`,
      ],
    }))}
    empty="No job was ordered."
  />
`;

export function JobPage({ number }) {
  const answer = useAsk("explorer_job", [Number(number)]);
  return html`<${Answer} answer=${answer}>${(card) => html`<${JobCard} card=${card} />`}<//>`;
}

function JobCard({ card }) {
  const { row, job } = card;
  const { spec, escrow, cost: _, ...rest } = job;
  const shown = ["specHash", "attempts"].filter((name) => name in rest);
  return html`
    <${Page}
      title=${`Job ${count(row.number)}`}
      kicker=${html`on <${Link} to=${`datasets/${row.dataset}`}>${row.datasetName || `dataset #${row.dataset}`}<//>`}
    >
      <${Timeline} steps=${card.steps} />
      <${Facts}
        facts=${[
          ["State", html`<${State} state=${row.state} />`],
          ["Ordered by", html`<${Account} address=${row.requester} />`],
          ["Owner of the data", html`<${Account} address=${row.owner} />`],
          ["Worker", row.worker && html`<${Account} address=${row.worker} />`],
          ["Privacy", html`ε = ${epsilon(row.epsilonMicro)}`],
          ["Escrow", html`<${Amount} planck=${row.price} digits=${6} />`],
        ]}
      />
      <div class="two">
        <${Section} title="What runs"><${Arguments} values=${spec} /><//>
        <div>
          <${Section} title="Escrow"><${Arguments} values=${escrow} /><//>
          <${Section} title="State now"><${Arguments} values=${{ ...rest.state, ...pick(rest, shown) }} /><//>
        </div>
      </div>
    <//>
  `;
}

const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));

/** The states a job came to, in order; the last one may end by itself. */
export const Timeline = ({ steps }) => html`
  <ol class="timeline" aria-label="States it went through">
    ${steps.map(
      (step, at) => html`<li key=${step.block} aria-current=${at === steps.length - 1 ? "step" : null}>
        <${State} state=${step.state} />
        <span>block <${BlockLink} number=${step.block} /></span>
        ${at > 0 && html`<span class="soft">after ${plural(step.block - steps[at - 1].block, "block")}</span>`}
        ${step.worker && html`<span><${Account} address=${step.worker} /></span>`}
        ${at === steps.length - 1 && step.deadline !== null && html`<span class="soft">ends at ${count(step.deadline)}</span>`}
      </li>`,
    )}
  </ol>
`;

export function WorkersPage() {
  const answer = useAsk("explorer_workers", []);
  return html`
    <${Page} title="Workers">
      <p class="lead">Nodes that hold private tables for their owners and run what others order; each has a bond to lose.</p>
      <${Answer} answer=${answer}>
        ${(workers) => html`<${Table}
          caption="Workers, the largest bond first"
          heads=${["Worker", { name: "Bond", right: true }, { name: "Owes", right: true }, { name: "Completed", right: true }, { name: "Refunded", right: true }, "Leaves"]}
          rows=${workers.map((worker) => ({
            key: worker.account,
            cells: [
              html`<${Account} address=${worker.account} />`,
              html`<${Amount} planck=${worker.bond} />`,
              count(worker.active),
              count(worker.completed),
              count(worker.refunded),
              worker.leaving === null ? html`<span class="soft">stays</span>` : html`block ${count(worker.leaving)}`,
            ],
          }))}
          empty="No worker has a bond."
        />`}
      <//>
    <//>
  `;
}
