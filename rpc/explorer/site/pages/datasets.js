// Datasets: found by words, tag, licence and kind.

import { Account, Answer, Link, Page, Pager, html, useAsk } from "../ui.js";
import { bytes, count, plural } from "../format.js";

const SHOWN = 25;

export function DatasetsPage({ query }) {
  const asked = (name) => query.get(name) || null;
  const offset = Number(query.get("offset")) || 0;
  const wanted = [asked("text") ?? "", asked("tag"), asked("spdx"), asked("kind"), asked("publisher")];
  const answer = useAsk("explorer_datasets", [...wanted, offset, SHOWN]);
  const to = (changes) => {
    const next = new URLSearchParams(query);
    next.delete("offset");
    for (const [name, value] of Object.entries(changes)) value === null ? next.delete(name) : next.set(name, value);
    return `datasets?${next}`;
  };
  return html`
    <${Page} title="Datasets">
      <form class="filter" role="search" aria-label="Datasets" onSubmit=${(event) => filter(event, to)}>
        <label for="words">Words of name, tags or licence</label>
        <input id="words" name="text" type="search" defaultValue=${asked("text") ?? ""} onInput=${(event) => soon(event, to)} />
      </form>
      <${Answer} answer=${answer}>${(page) => html`<${Found} page=${page} query=${query} to=${to} offset=${offset} />`}<//>
    <//>
  `;
}

let timer = 0;

/** The list follows what is typed; each state of it has an address of its own. */
function soon(event, to) {
  const text = event.target.value;
  clearTimeout(timer);
  timer = setTimeout(() => location.replace(`#/${to({ text: text || null })}`), 150);
}

function filter(event, to) {
  event.preventDefault();
  clearTimeout(timer);
  location.hash = `#/${to({ text: new FormData(event.target).get("text") || null })}`;
}

function Found({ page, query, to, offset }) {
  const named = (name) => query.get(name);
  return html`
    <p class="count" role="status">
      ${page.total === page.all ? html`${count(page.total)} in all` : html`${count(page.total)} of ${count(page.all)}`}
      ${["tag", "spdx", "kind", "publisher"].filter(named).map(
        (name) => html` <${Link} class="chip on" to=${to({ [name]: null })} aria-label=${`No longer only ${named(name)}`}
            >${named(name)} ×<//
          >`,
      )}
    </p>
    <div class="shelf">
      <div>
        <${DatasetList} items=${page.items} />
        <${Pager} offset=${offset} limit=${SHOWN} total=${page.total} to=${(next) => to({ offset: String(next) })} />
      </div>
      <aside aria-label="Narrow down">
        <h2>Kind</h2>
        <p class="chips">
          <${Link} class="chip" to=${to({ kind: "public" })}>public<//>
          <${Link} class="chip" to=${to({ kind: "private" })}>private<//>
        </p>
        <${Facets} title="Tags" facets=${page.tags} to=${(name) => to({ tag: name })} />
        <${Facets} title="Licences" facets=${page.licences} to=${(name) => to({ spdx: name })} />
      </aside>
    </div>
  `;
}

const Facets = ({ title, facets, to }) =>
  facets.length > 0 &&
  html`<h2>${title}</h2>
    <p class="chips">
      ${facets.map(
        ({ name, count: many }) => html`<${Link} class="chip" to=${to(name)}>${name} <span class="num">${count(many)}</span><//> `,
      )}
    </p>`;

/** @param {{items: any[], brief?: boolean}} props */
export const DatasetList = ({ items, brief = false }) =>
  items.length
    ? html`<ul class="datasets">
        ${items.map(
          (item) => html`<li key=${item.number} data-kind=${item.kind}>
            <${Link} to=${`datasets/${item.number}`} class="title">${item.name}<//>
            <p class="soft">
              <span class="num">#${item.number}</span> · ${item.kind === "private" ? html`<span class="lock">private table</span> · ` : ""}
              ${plural(item.rows, "row")}${item.bytes === null ? "" : html` · ${bytes(item.bytes)}`} · ${item.spdx} ·${" "}
              <${Account} address=${item.publisher} />
              ${item.deprecated && html` · <span class="state" data-state="Refunded">advised against</span>`}
            </p>
            ${!brief &&
            item.tags.length > 0 &&
            html`<p class="chips">
              ${item.tags.map((tag) => html`<${Link} class="chip" to=${`datasets?tag=${encodeURIComponent(tag)}`}>${tag}<//> `)}
            </p>`}
          </li>`,
        )}
      </ul>`
    : html`<p class="soft">No dataset is like that.</p>`;
