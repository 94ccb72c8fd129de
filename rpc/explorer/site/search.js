// One box for block numbers, hashes, addresses and names of datasets.

import { useEffect, useRef, useState } from "./vendor/hooks.js";
import { html, rpc } from "./ui.js";

const PAUSE_MS = 120;

export function Search() {
  const [text, setText] = useState("");
  const [found, setFound] = useState({ text: "", places: /** @type {any[]} */ ([]) });
  const [active, setActive] = useState(-1);
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  useShortcut(box);
  useEffect(() => {
    if (!text.trim()) return setFound({ text: "", places: [] });
    const timer = setTimeout(() => {
      rpc.ask("explorer_find", text).then((places) => setFound({ text, places }), () => {});
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);

  /** @param {{path: string}} place */
  const go = (place) => {
    location.hash = `#/${place.path}`;
    setOpen(false);
    setText("");
    box.current?.blur();
  };
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (active >= 0 && found.places[active]) return go(found.places[active]);
    const places = found.text === text ? found.places : await rpc.ask("explorer_find", text);
    if (places.length === 1 || (places[0] && places[0].kind !== "dataset")) go(places[0]);
    else go({ path: `datasets?text=${encodeURIComponent(text.trim())}` });
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const places = found.places.length;
      setActive(places ? (active + step + places + 1) % (places + 1) : -1);
    } else if (event.key === "Escape") {
      setOpen(false);
      setText("");
    }
  };
  const shown = open && text.trim() !== "" && found.text !== "";
  const chosen = active >= 0 && active < found.places.length ? active : -1;
  return html`
    <form class="search" role="search" onSubmit=${submit}>
      <label class="unseen" for="search">Search blocks, hashes, accounts and datasets</label>
      <input
        id="search"
        ref=${box}
        type="search"
        placeholder="Block, hash, address or dataset"
        autocomplete="off"
        spellcheck=${false}
        role="combobox"
        aria-expanded=${shown ? "true" : "false"}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant=${chosen >= 0 ? `found-${chosen}` : null}
        value=${text}
        onInput=${(/** @type {any} */ event) => {
          setText(event.target.value);
          setActive(-1);
          setOpen(true);
        }}
        onKeyDown=${key}
        onFocus=${() => setOpen(true)}
        onBlur=${() => setOpen(false)}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul id="found" role="listbox" aria-label="Found" hidden=${!shown}>
        ${found.places.map(
          (place, at) => html`<li
            id=${`found-${at}`}
            role="option"
            aria-selected=${at === chosen ? "true" : "false"}
            onMouseDown=${(/** @type {Event} */ event) => {
              event.preventDefault();
              go(place);
            }}
          >
            <span class="kind">${place.kind}</span> ${place.label}
          </li>`,
        )}
        ${shown && !found.places.length && html`<li class="soft" role="option" aria-disabled="true">Nothing is found.</li>`}
      </ul>
    </form>
  `;
}

/** `/` leads here from anywhere but another field. */
function useShortcut(box) {
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const pressed = (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const typing = target.matches?.("input, textarea, select") || target.isContentEditable;
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
      box.current?.select();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
