// The explorer's shell: which page an address shows, the search box, and the row of blocks.

import { render } from "./vendor/preact.js";
import { useEffect, useRef, useState } from "./vendor/hooks.js";
import { Answer, Link, arrive, chain, html, useAsk, useHeads } from "./ui.js";
import { count } from "./format.js";
import { Furrows } from "./strips.js";
import { BlockPage, BlocksPage, ExtrinsicPage } from "./pages/blocks.js";
import { AccountPage } from "./pages/accounts.js";
import { DatasetPage } from "./pages/dataset.js";
import { DatasetsPage } from "./pages/datasets.js";
import { JobPage, JobsPage, WorkersPage } from "./pages/jobs.js";
import { RewardsPage } from "./pages/rewards.js";
import { HomePage } from "./pages/home.js";
import { Missing } from "./pages/missing.js";
import { Search } from "./search.js";

/** @type {[string, any][]} */
const ROUTES = [
  ["", HomePage],
  ["blocks", BlocksPage],
  ["blocks/:block", BlockPage],
  ["extrinsics/:id", ExtrinsicPage],
  ["accounts/:address", AccountPage],
  ["datasets", DatasetsPage],
  ["datasets/:number", DatasetPage],
  ["jobs", JobsPage],
  ["jobs/:number", JobPage],
  ["workers", WorkersPage],
  ["rewards", RewardsPage],
];

/** What needs which pallet. */
const NAV = [
  ["blocks", "Blocks", "System"],
  ["datasets", "Datasets", "Datasets"],
  ["jobs", "Jobs", "Compute"],
  ["workers", "Workers", "Compute"],
  ["rewards", "Rewards", "Rewards"],
];

/** @param {string} hash */
function placed(hash) {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decoded);
  for (const [pattern, page] of ROUTES) {
    const wanted = pattern.split("/");
    if (wanted.length !== parts.length) continue;
    if (!wanted.every((part, at) => part.startsWith(":") || part === parts[at])) continue;
    const named = wanted.flatMap((part, at) => (part.startsWith(":") ? [[part.slice(1), parts[at]]] : []));
    return { page, path, params: Object.fromEntries(named), query: new URLSearchParams(query) };
  }
  return { page: Missing, path, params: {}, query: new URLSearchParams() };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function useRoute() {
  const [hash, setHash] = useState(location.hash);
  const shown = useRef(location.hash);
  useEffect(() => {
    const moved = () => {
      const path = (/** @type {string} */ hash) => hash.split("?")[0];
      if (path(location.hash) !== path(shown.current)) arrive();
      shown.current = location.hash;
      setHash(location.hash);
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return placed(hash);
}

function Shell() {
  const route = useRoute();
  const overview = useAsk("explorer_overview", []);
  if (overview.value) {
    const { symbol, decimals, names, pallets } = overview.value;
    Object.assign(chain, { symbol, decimals, names, pallets });
  }
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
    <header class="top">
      <div class="bar">
        <${Link} to="" class="mark" aria-label="Tilth, the beginning">
          <img src="mark.svg" alt="" width="30" height="30" /> <span>Tilth</span>
        <//>
        <${Search} />
        <${Heads} name=${overview.value?.chain} />
      </div>
      <nav class="rooms" aria-label="Explorer">
        ${NAV.filter(([, , pallet]) => !chain.pallets.length || chain.pallets.includes(pallet)).map(
          ([to, name]) => html`<${Link}
            to=${to}
            aria-current=${route.path.split("/")[0] === to ? "page" : null}
            >${name}<//
          >`,
        )}
      </nav>
    </header>
    <${Furrows} />
    <main id="main" tabindex="-1">
      <${Answer} answer=${overview}>
        ${() => html`<${route.page} key=${route.path} ...${route.params} query=${route.query} />`}
      <//>
    </main>
    <footer class="foot">
      ${overview.value &&
      html`<span>${overview.value.node}</span>
        <span>${overview.value.specName} ${overview.value.specVersion}</span>
        <span>genesis <code>${overview.value.genesis.slice(0, 14)}…</code></span>
        <span>Press <kbd>/</kbd> to search</span>`}
    </footer>
  `;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {{name?: string}} props */
function Heads({ name }) {
  const { link, heads } = useHeads();
  const told = link === "open" ? "connected" : link === "lost" ? "the node is gone; trying again" : "connecting";
  return html`<p class="heads" data-link=${link}>
    <span class="dot" aria-hidden="true"></span>
    <span class="chain">${name ?? ""}</span>
    <span class="numbers"
      ><b>${count(heads.number)}</b> <span class="soft">final ${count(heads.finalized)}</span></span
    >
    <span class="unseen" role="status">${told}</span>
  </p>`;
}

render(html`<${Shell} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
