// What polkadot.js and polkadot-api make of metadata files: node read_metadata.mjs <npm folder> <file>...
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, ...files] = process.argv.slice(2);
const outer = createRequire(`${folder}/package.json`);
const inner = createRequire(`${folder}/node_modules/polkadot-api/package.json`);
const { Metadata, TypeRegistry, expandMetadata } = outer("@polkadot/types");
const { decAnyMetadata, unifyMetadata } = inner("@polkadot-api/substrate-bindings");
const { getDynamicBuilder, getLookupFn } = inner("@polkadot-api/metadata-builders");
const { merkleizeMetadata } = outer("@polkadot-api/merkleize-metadata");

function byPolkadotJs(bytes) {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, bytes);
  registry.setMetadata(metadata);
  const { tx, query, consts, errors } = expandMetadata(registry, metadata);
  return {
    same: Buffer.from(metadata.toU8a()).equals(bytes),
    extensions: registry.signedExtensions,
    calls: Object.keys(tx.farm),
    storage: Object.keys(query.farm),
    constants: Object.keys(consts.farm),
    errors: Object.keys(errors.farm),
    prefix: consts.system.ss58Prefix.toNumber(),
  };
}

function byPolkadotApi(bytes) {
  const metadata = unifyMetadata(decAnyMetadata(bytes));
  const build = getDynamicBuilder(getLookupFn(metadata));
  const constant = (pallet) => (one) => [one.name, build.buildConstant(pallet.name, one.name).dec(one.value)];
  const farm = metadata.pallets.find((pallet) => pallet.name === "Farm");
  for (const item of farm.storage.items) build.buildStorage("Farm", item.name).value.dec;
  for (const api of metadata.apis) for (const one of api.methods) build.buildRuntimeCall(api.name, one.name);
  return {
    versions: metadata.extrinsic.version,
    constants: Object.fromEntries(farm.constants.map(constant(farm))),
    storage: farm.storage.items.map((item) => item.name),
    apis: metadata.apis.map((api) => api.name),
  };
}

function digest(bytes) {
  const made = merkleizeMetadata(bytes, { decimals: 12, tokenSymbol: "TIL" }).digest();
  return Buffer.from(made).toString("hex");
}

const seen = files.map((file) => {
  const bytes = readFileSync(file);
  return {
    polkadotjs: byPolkadotJs(bytes),
    papi: byPolkadotApi(bytes),
    digest: bytes[4] === 14 ? null : digest(bytes),
  };
});
console.log(JSON.stringify(seen, (_, value) => (typeof value === "bigint" ? Number(value) : value)));
