// Numbers as people read them; amounts are decimal texts in the smallest unit.

const THOUSANDS = /\B(?=(\d{3})+(?!\d))/g;
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** @param {number | string} value */
export const count = (value) => String(value).replace(THOUSANDS, "\u2009");

/**
 * @param {string} planck
 * @param {number} decimals
 * @param {number} digits how many behind the point
 */
export function amount(planck, decimals, digits = 4) {
  const negative = planck.startsWith("-");
  const text = planck.replace("-", "").padStart(decimals + 1, "0");
  const whole = text.slice(0, text.length - decimals);
  const rest = text.slice(text.length - decimals).slice(0, digits).replace(/0+$/, "");
  const tiny = whole === "0" && !rest && /[1-9]/.test(text);
  if (tiny) return `<\u20090.${"0".repeat(digits - 1)}1`;
  return `${negative ? "−" : ""}${count(whole)}${rest ? `.${rest}` : ""}`;
}

/** @param {number} many @param {string} thing */
export const plural = (many, thing) => `${count(many)} ${thing}${many === 1 ? "" : "s"}`;

/** @param {number} size */
export function bytes(size) {
  let unit = 0;
  let value = size;
  while (value >= 1024 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)}\u2009${SIZES[unit]}`;
}

/** @param {number} micro ε in millionths */
export const epsilon = (micro) => (micro / 1e6).toFixed(micro % 10000 ? 3 : 2).replace(/\.?0+$/, "") || "0";

/** @param {number | null} milliseconds */
export function moment(milliseconds) {
  if (milliseconds === null) return "";
  const when = new Date(milliseconds);
  return when.toISOString().replace("T", " ").slice(0, 19) + " UTC";
}

/** @param {number | null} milliseconds */
export function ago(milliseconds) {
  if (milliseconds === null) return "";
  const seconds = Math.round((Date.now() - milliseconds) / 1000);
  if (seconds < 0) return "ahead of this clock";
  if (seconds < 60) return `${seconds}\u2009s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u2009min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}\u2009h ago`;
  return `${Math.floor(seconds / 86400)}\u2009d ago`;
}

/** @param {string} text a hash or an address @param {number} head @param {number} tail */
export const short = (text, head = 8, tail = 6) =>
  text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;

/** @param {string} name `storeWithCidConfig` or `ExtrinsicFailed` @returns {string} in words */
export const spaced = (name) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/^./, (first) => first.toUpperCase())
    .replace(/ [A-Z](?=[a-z])/g, (found) => found.toLowerCase());
