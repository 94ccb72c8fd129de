// What a dataset was made from, to its left, and what was made from it, to its right.

import { html } from "./ui.js";

const WIDTH = 190;
const HEIGHT = 44;
const GAP_X = 60;
const GAP_Y = 16;
const LETTERS = 21;

/** @param {{graph: {nodes: any[], edges: any[], isWhole: boolean}}} props */
export function Citations({ graph }) {
  if (graph.nodes.length < 2) return html`<p class="soft">It cites no dataset, and none cites it.</p>`;
  const places = placed(graph.nodes);
  const all = [...places.values()];
  const width = Math.max(...all.map(({ x }) => x)) + WIDTH;
  const height = Math.max(...all.map(({ y }) => y)) + HEIGHT;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Citations, as a picture">
      <svg class="graph" viewBox=${`-2 -2 ${width + 4} ${height + 4}`} width=${width + 4} height=${height + 4} role="group" aria-label="Datasets and what they were made from">
        ${graph.edges.map((edge) => html`<${Edge} from=${places.get(edge.source)} to=${places.get(edge.user)} key=${`${edge.source}-${edge.user}`} />`)}
        ${graph.nodes.map((node) => html`<${Node} node=${node} place=${places.get(node.number)} key=${node.number} />`)}
      </svg>
    </div>
    <ul class="unseen">
      ${graph.edges.map((edge) => html`<li>Revision ${edge.userRevision} of dataset ${edge.user} was made from dataset ${edge.source}.</li>`)}
    </ul>
    ${!graph.isWhole && html`<p class="note">More datasets than are shown have to do with it.</p>`}
  `;
}

/** A column for each level, its datasets in the middle of it. */
function placed(nodes) {
  const levels = [...new Set(nodes.map((node) => node.level))].sort((a, b) => a - b);
  const columns = levels.map((level) => nodes.filter((node) => node.level === level));
  const tallest = Math.max(...columns.map((column) => column.length));
  const places = new Map();
  columns.forEach((column, at) => {
    const above = ((tallest - column.length) * (HEIGHT + GAP_Y)) / 2;
    column.forEach((node, row) => {
      places.set(node.number, { x: at * (WIDTH + GAP_X), y: above + row * (HEIGHT + GAP_Y) });
    });
  });
  return places;
}

function Edge({ from, to }) {
  if (!from || !to) return null;
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const bend = Math.max(Math.abs(x2 - x1) / 2, 20);
  return html`<path d=${`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />`;
}

function Node({ node, place }) {
  const name = node.name.length > LETTERS ? `${node.name.slice(0, LETTERS - 1)}…` : node.name;
  return html`<a href=${`#/datasets/${node.number}`} class=${node.level === 0 ? "own" : ""} aria-label=${`Dataset ${node.number}, ${node.name}`}>
    <title>${node.name}</title>
    <rect x=${place.x} y=${place.y} width=${WIDTH} height=${HEIGHT} rx="6" />
    <text x=${place.x + 12} y=${place.y + 18}>${name}</text>
    <text class="small" x=${place.x + 12} y=${place.y + 34}>#${node.number} · ${node.kind}</text>
  </a>`;
}
