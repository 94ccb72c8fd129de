// Rows of blocks: as they come in, and as they prove what they hold.

import { html, useAsk } from "./ui.js";
import { count } from "./format.js";

const SHOWN = 100;

/** The last blocks as a ploughed field: a furrow for each, as tall as what people sent in it. */
export function Furrows() {
  const { value } = useAsk("explorer_blocks", [null, SHOWN]);
  const rows = [...(value ?? [])].reverse();
  const most = Math.max(3, ...rows.map((row) => row.sent));
  return html`<div class="furrows" aria-hidden="true">
    ${rows.map(
      (row) => html`<a
        key=${row.hash}
        href=${`#/blocks/${row.number}`}
        tabindex="-1"
        class=${row.final ? "final" : ""}
        title=${`Block ${count(row.number)}: ${row.calls.join(", ") || "nothing sent"}`}
        ><i style=${{ height: `${12 + (88 * Math.min(row.sent, most)) / most}%` }}></i
      ></a>`,
    )}
  </div>`;
}

/**
 * Which of the last blocks showed a chunk of a dataset.
 * @param {{history: any}} props
 */
export function Proofs({ history }) {
  const { first, last, drawn, chunks, pinned, proofs } = history;
  const hits = new Map(proofs.map((/** @type {any} */ proof) => [proof.block, proof]));
  const blocks = Array.from({ length: Math.max(last - first + 1, 0) }, (_, at) => first + at);
  const latest = proofs[proofs.length - 1];
  if (!chunks) return html`<p class="soft">Nothing of this dataset is pinned.</p>`;
  return html`
    <p>
      <b>${count(proofs.length)}</b> of the last ${count(drawn)} proofs drew one of its ${count(chunks)} chunks
      of 256 bytes, among ${count(pinned)} that are pinned.
      ${latest &&
      html` The last was <a href=${`#/blocks/${latest.block}`}>block ${count(latest.block)}</a>, for a chunk of its ${latest.part}.`}
    </p>
    <div class="proofs" role="img" aria-label=${`${proofs.length} of ${blocks.length} blocks proved a part`}>
      ${blocks.map((block) => {
        const hit = hits.get(block);
        const told = hit ? `Block ${block}: chunk ${hit.chunk} of ${hit.part}` : `Block ${block}`;
        return html`<i key=${block} class=${hit ? "hit" : ""} title=${told}></i>`;
      })}
    </div>
    <p class="legend soft"><span>block ${count(first)}</span><span>block ${count(last)}</span></p>
  `;
}
