// What every page is made of: elements, links, the chain's values, and asking the node.

import { h } from "./vendor/preact.js";
import { useEffect, useRef, useState } from "./vendor/hooks.js";
import htm from "./vendor/htm.js";
import { Rpc } from "./rpc.js";
import { ago, amount, bytes, count, moment, short, spaced } from "./format.js";

export const html = htm.bind(h);

const scheme = location.protocol === "https:" ? "wss" : "ws";
export const rpc = new Rpc(`${scheme}://${location.host}/`);

/** What the node says of the chain; the same for the whole page, so it is asked once at first. */
export const chain = {
  symbol: "",
  decimals: 0,
  /** @type {Record<string, string>} */
  names: {},
  /** @type {string[]} */
  pallets: [],
};

const LEAST_MS = 600;

/**
 * Asks the node, again at each new head where `live`, and keeps what it knows while it asks.
 * @param {string} method
 * @param {unknown[]} params
 * @param {{live?: boolean}} options
 * @returns {{value: any, error: string | null}}
 */
export function useAsk(method, params, { live = true } = {}) {
  const key = method + JSON.stringify(params);
  const [answer, setAnswer] = useState({ key: "", value: null, error: null });
  useEffect(() => {
    let current = true;
    let timer = 0;
    let last = 0;
    let head = -1;
    const ask = () => {
      timer = 0;
      last = Date.now();
      head = rpc.heads.number;
      rpc.ask(method, ...params).then(
        (value) => current && setAnswer({ key, value, error: null }),
        (error) => current && setAnswer({ key, value: null, error: error.message }),
      );
    };
    const moved = () => {
      if (timer || rpc.link !== "open" || rpc.heads.number === head) return;
      timer = setTimeout(ask, Math.max(0, last + LEAST_MS - Date.now()));
    };
    ask();
    const stop = live ? rpc.listen(moved) : () => {};
    return () => {
      current = false;
      clearTimeout(timer);
      stop();
    };
  }, [key]);
  return answer.key === key ? answer : { value: null, error: null };
}

/** Renders again whenever the head moves or the connection comes or goes. */
export function useHeads() {
  const [, again] = useState(0);
  useEffect(() => rpc.listen(() => again((n) => n + 1)), []);
  return rpc;
}

/**
 * What stands while an answer is on its way, or in its place.
 * @param {{answer: {value: any, error: string | null}, children: (value: any) => any}} props
 */
export function Answer({ answer, children }) {
  if (answer.error) return html`<p class="fault" role="alert">${answer.error}</p>`;
  if (answer.value === null) return html`<p class="waiting" aria-busy="true">Asking the node…</p>`;
  return children(answer.value);
}

let arriving = false;

/** Another page was asked for: whoever reads the screen is told of it by its heading. */
export function arrive() {
  arriving = true;
  scrollTo(0, 0);
}

/** @param {{title: string, kicker?: any, children?: any}} props */
export function Page({ title, kicker, children }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (arriving) heading.current?.focus({ preventScroll: true });
    arriving = false;
  }, []);
  useEffect(() => {
    document.title = `${title} · Tilth`;
  }, [title]);
  return html`
    ${kicker && html`<p class="kicker">${kicker}</p>`}
    <h1 ref=${heading} tabindex="-1">${title}</h1>
    ${children}
  `;
}

/** @param {{title: string, note?: any, children?: any, id?: string}} props */
export const Section = ({ title, note, children, id }) => html`
  <section aria-labelledby=${id ?? title}>
    <h2 id=${id ?? title}>${title}</h2>
    ${note && html`<p class="note">${note}</p>`}
    ${children}
  </section>
`;

/** @param {{to: string, children?: any, class?: string}} props */
export const Link = ({ to, children, ...rest }) => html`<a href=${`#/${to}`} ...${rest}>${children}</a>`;

/** @param {{address: string, whole?: boolean}} props */
export function Account({ address, whole = false }) {
  const name = chain.names[address];
  return html`<${Link} to=${`accounts/${address}`} class="account" title=${address}>
    ${name ? html`<span class="name">${name}</span>` : whole ? address : short(address, 6, 5)}
  <//>`;
}

/** @param {{planck: string, digits?: number}} props */
export const Amount = ({ planck, digits }) =>
  html`<span class="amount" title=${`${planck} planck`}
    >${amount(planck, chain.decimals, digits)} <abbr>${chain.symbol}</abbr></span
  >`;

/** @param {{value: string, whole?: boolean}} props */
export const Hash = ({ value, whole = false }) =>
  html`<code class="hash" title=${value}>${whole ? value : short(value, 10, 6)}</code>`;

/** @param {{time: number | null}} props */
export const Time = ({ time }) =>
  time === null
    ? html`<span class="soft">at the beginning</span>`
    : html`<time datetime=${new Date(time).toISOString()} title=${moment(time)}>${ago(time)}</time>`;

/** @param {{number: number}} props */
export const BlockLink = ({ number }) =>
  html`<${Link} to=${`blocks/${number}`} class="num">${count(number)}<//>`;

/** @param {{state: string}} props */
export const State = ({ state }) => html`<span class="state" data-state=${state}>${spaced(state)}</span>`;

/**
 * Facts about one thing, as in a ledger.
 * @param {{facts: [string, any][]}} props
 */
export const Facts = ({ facts }) => html`
  <dl class="facts">
    ${facts
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>
`;

/**
 * @param {{caption: string, heads: (string | {name: string, right?: boolean})[], rows: any[],
 *   empty?: string}} props `rows` are lists of cells
 */
export function Table({ caption, heads, rows, empty = "Nothing yet." }) {
  if (!rows.length) return html`<p class="soft">${empty}</p>`;
  const columns = heads.map((head) => (typeof head === "string" ? { name: head, right: false } : head));
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${caption}>
      <table>
        <caption class="unseen">${caption}</caption>
        <thead>
          <tr>
            ${columns.map(({ name, right }) => html`<th scope="col" class=${right ? "right" : ""}>${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ key, cells }) => html`<tr key=${key}>
              ${cells.map((cell, at) => html`<td class=${columns[at]?.right ? "right" : ""}>${cell}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/**
 * Links to the pages before and after.
 * @param {{offset: number, limit: number, total: number, to: (offset: number) => string}} props
 */
export function Pager({ offset, limit, total, to }) {
  if (total <= limit) return null;
  const last = Math.min(offset + limit, total);
  return html`
    <nav class="pager" aria-label="Pages">
      ${offset > 0
        ? html`<${Link} to=${to(Math.max(offset - limit, 0))} rel="prev">← Newer<//>`
        : html`<span class="soft">← Newer</span>`}
      <span class="num">${count(offset + 1)}–${count(last)} of ${count(total)}</span>
      ${last < total
        ? html`<${Link} to=${to(offset + limit)} rel="next">Older →<//>`
        : html`<span class="soft">Older →</span>`}
    </nav>
  `;
}

/**
 * A value of the chain, by its tags.
 * @param {{value: any}} props
 */
export function Value({ value }) {
  if (value === null || value === undefined) return html`<span class="soft">none</span>`;
  if (typeof value === "boolean") return html`<code>${String(value)}</code>`;
  if (typeof value === "number") return html`<span class="num">${count(value)}</span>`;
  if (typeof value === "string") return html`<span class="text">${value}</span>`;
  if (Array.isArray(value)) return html`<${List} values=${value} />`;
  return html`<${Tagged} value=${value} />`;
}

const List = ({ values }) =>
  values.length
    ? html`<ul class="values">${values.map((value) => html`<li><${Value} value=${value} /></li>`)}</ul>`
    : html`<span class="soft">empty</span>`;

function Tagged({ value }) {
  if ("$account" in value) return html`<${Account} address=${value.$account} />`;
  if ("$amount" in value) return html`<${Amount} planck=${value.$amount} digits=${6} />`;
  if ("$hash" in value) return html`<${Hash} value=${value.$hash} />`;
  if ("$bytes" in value) return html`<${Bytes} value=${value} />`;
  if ("$reason" in value) return html`<span title=${value.text}>${value.$reason}</span>`;
  if ("$more" in value) return html`<span class="soft">and ${count(value.$more)} more</span>`;
  if ("$call" in value) return html`<${Call} call=${value.$call} />`;
  if ("$event" in value) return html`<${Value} value=${value.$event.data} />`;
  const names = Object.keys(value);
  const [only] = names;
  if (names.length === 1 && value[only] === null) return html`<span>${spaced(only)}</span>`;
  if (names.length === 1 && only === "id") return html`<${Value} value=${value.id} />`;
  return html`<${Arguments} values=${value} />`;
}

const Bytes = ({ value }) =>
  value.text !== null && value.$bytes
    ? html`<span class="text quoted">${value.text}</span>${value.$bytes > value.text.length
          ? html` <span class="soft">${bytes(value.$bytes)} in all</span>`
          : ""}`
    : html`<code class="hash">${value.head}${value.$bytes * 2 + 2 > value.head.length ? "…" : ""}</code>
        <span class="soft"> ${bytes(value.$bytes)}</span>`;

/** @param {{values: Record<string, any>}} props */
export function Arguments({ values }) {
  const names = Object.keys(values ?? {});
  if (!names.length) return html`<span class="soft">no arguments</span>`;
  return html`<dl class="arguments">
    ${names.map(
      (name) => html`<div><dt>${spaced(name)}</dt><dd><${Value} value=${values[name]} /></dd></div>`,
    )}
  </dl>`;
}

/** @param {{section: string, method: string, docs?: string}} props */
export const Called = ({ section, method, docs }) =>
  section
    ? html`<span class="called" title=${docs}><span class="pallet">${spaced(section)}</span> ${spaced(method)}</span>`
    : html`<span class="called soft">unreadable by this runtime</span>`;

/** @param {{call: {section: string, method: string, args: Record<string, any>}}} props */
export const Call = ({ call }) => html`<div class="nested">
  <${Called} ...${call} />
  <${Arguments} values=${call.args} />
</div>`;
