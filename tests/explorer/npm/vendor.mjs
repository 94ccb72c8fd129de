// Writes the explorer's vendored files from their packages into the folder that is named.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILES = {
  "preact.js": "preact/dist/preact.module.js",
  "hooks.js": "preact/hooks/dist/hooks.module.js",
  "htm.js": "htm/dist/htm.module.js",
};

const [into] = process.argv.slice(2);
for (const [name, source] of Object.entries(FILES)) {
  const text = readFileSync(join("node_modules", source), "utf8")
    .replace(/^\/\/# sourceMappingURL.*\n?/gm, "")
    .replaceAll('from"preact"', 'from"./preact.js"');
  writeFileSync(join(into, name), `// @ts-nocheck\n${text}`);
}
