// A revision's files, and how they get onto this machine: checked against the chain on the way.

import { useState } from "./vendor/hooks.js";
import { Section, Table, html } from "./ui.js";
import { bytes, count } from "./format.js";

/** A file of this many bytes is put together in the memory of the page. */
const LARGEST = 512 * 1024 * 1024;

export function Files({ card }) {
  return html`<${Section} title="Files" note=${card.filesNote || null}>
    <${Table}
      caption="Files of this revision"
      heads=${["File", { name: "Size", right: true }, "sha2-256", ""]}
      rows=${card.files.map((file) => ({
        key: file.path,
        cells: [
          html`<span class="text">${file.path}</span>`,
          bytes(file.size),
          html`<code class="hash" title=${file.sha256}>${file.sha256.slice(0, 12)}…</code>`,
          html`<${Download} file=${file} />`,
        ],
      }))}
      empty="No file can be listed."
    />
    ${card.filesLeft > 0 && html`<p class="note">${count(card.filesLeft)} more files.</p>`}
  <//>`;
}

function Download({ file }) {
  const [told, setTold] = useState("");
  if (file.size > LARGEST) return html`<span class="soft">by gRPC or the SDK</span>`;
  const fetched = async () => {
    try {
      await save(file, (done) => setTold(`${Math.round((100 * done) / Math.max(file.cids.length, 1))}\u2009%`));
      setTold("checked and saved");
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    }
  };
  return html`<button type="button" onClick=${fetched} aria-label=${`Download ${file.path}`}>Download</button>
    <span class="soft" role="status">${told}</span>`;
}

/**
 * Fetch a file's contents in turn; nothing is saved that is not what the manifest says.
 * @param {{path: string, size: number, sha256: string, cids: string[]}} file
 * @param {(done: number) => void} progress
 */
async function save(file, progress) {
  const parts = [];
  for (const [at, cid] of file.cids.entries()) {
    const response = await fetch(`/ipfs/${cid}`);
    if (!response.ok) throw new Error(`the node does not give content ${at + 1} (${response.status})`);
    parts.push(await response.blob());
    progress(at + 1);
  }
  const whole = new Blob(parts, { type: "application/octet-stream" });
  if (whole.size !== file.size) throw new Error(`the node sent ${whole.size} bytes, not ${file.size}`);
  if (crypto.subtle && (await digest(whole)) !== file.sha256) throw new Error("the file's hash is another: not saved");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(whole);
  link.download = file.path.split("/").pop() ?? "file";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @param {Blob} blob */
async function digest(blob) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
