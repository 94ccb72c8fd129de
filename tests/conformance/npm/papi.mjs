// Drives an unmodified polkadot-api against a node and prints what it saw as one JSON object.
// Which protocol it speaks is its own choice, by the methods that the node lists.
import WebSocket from 'ws';
// What goes over the wire, below the layer that translates for nodes with the old methods alone.
const methods = new Set();
globalThis.WebSocket = class extends WebSocket {
  send(data, ...rest) {
    [JSON.parse(data)].flat().forEach(({ method }) => methods.add(method));
    super.send(data, ...rest);
  }
};
const { createClient } = await import('polkadot-api');
const { getWsProvider } = await import('polkadot-api/ws');
const { getPolkadotSigner } = await import('polkadot-api/signer');
const { Keyring } = await import('@polkadot/keyring');
const { cryptoWaitReady } = await import('@polkadot/util-crypto');

await cryptoWaitReady();
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
const bob = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
const signer = getPolkadotSigner(alice.publicKey, 'Sr25519', (data) => alice.sign(data));
const UNIT = 1_000_000_000_000n;
const seen = {};

const client = createClient(getWsProvider(process.argv[2]));
const api = client.getUnsafeApi();
const transfer = (value) =>
  api.tx.Balances.transfer_keep_alive({ dest: { type: 'Id', value: bob.address }, value });
const until = async (condition) => {
  for (let tries = 0; !condition() && tries < 400; tries++) await new Promise((done) => setTimeout(done, 25));
};

seen.chain = (await client.getChainSpecData()).name;
const account = (...options) => api.query.System.Account.getValue(bob.address, ...options);
const before = (await account()).data.free;
const start = await client.getFinalizedBlock();

const balances = [];
const watch = api.query.System.Account.watchValue(bob.address, { at: 'best' });
const watched = watch.subscribe(({ value, data }) => balances.push((value ?? { data }).data.free));
const changes = [];
const entriesWatched = api.query.System.Account.watchEntries({ at: 'best' }).subscribe((delta) => changes.push(delta));
const finalized = [];
const blocks = client.finalizedBlock$.subscribe((block) => finalized.push(block.number));
await until(() => balances.length && changes.length && finalized.length);

seen.fee = (await transfer(UNIT).getEstimatedFees(alice.address)).toString();
const result = await transfer(UNIT).signAndSubmit(signer);
seen.ok = result.ok;
seen.events = result.events.map((event) => `${event.type}.${event.value.type}`);
seen.received = ((await account()).data.free - before).toString();
const again = await transfer(2n * UNIT).signAndSubmit(signer);
seen.again = again.ok && again.block.number > result.block.number;
await until(() => balances.at(-1) === before + 3n * UNIT && changes.length > 2 && finalized.length > 2);

seen.watchedValues = balances.map((free) => (free - before).toString());
seen.watchedEntries = changes.slice(1).every(({ deltas }) => deltas.upserted.length > 0);
seen.finalizedBlocks = finalized.every((number, index) => index === 0 || number === finalized[index - 1] + 1);
[watched, entriesWatched, blocks].forEach((subscription) => subscription.unsubscribe());

const failed = await transfer(10n ** 30n).signAndSubmit(signer);
seen.failed = failed.ok ? '' : failed.dispatchError.value.type;
seen.refused = await transfer(UNIT)
  .signAndSubmit(signer, { nonce: 0 })
  .catch((error) => error.error?.value?.type ?? String(error));

const entries = await api.query.System.Account.getEntries();
seen.entries = entries.length > 5;
seen.several = (await api.query.System.Account.getValues([[alice.address], [bob.address]])).length;
seen.version = (await api.constants.System.Version()).spec_name;
seen.nonce = await api.apis.AccountNonceApi.account_nonce(alice.address);
seen.block = (await client.getFinalizedBlock()).number > 0;
seen.body = (await client.getBlockBody(result.block.hash)).length;
// Before the client's first block, and so not pinned.
const genesis = await client._request('chain_getBlockHash', [0]);
seen.old = await account({ at: genesis }).then(({ data }) => data.free > 0n);
seen.oldHeader = (await client.getBlockHeader(genesis)).number;
seen.start = start.number;
seen.methods = [...methods].sort();
client.destroy();
console.log(JSON.stringify(seen));
process.exit(0);
