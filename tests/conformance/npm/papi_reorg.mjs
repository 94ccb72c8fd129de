// An unmodified polkadot-api watches a transaction whose block is taken back; prints what it was told.
import WebSocket from 'ws';
globalThis.WebSocket ??= WebSocket;
const { createClient } = await import('polkadot-api');
const { getWsProvider } = await import('polkadot-api/ws');
const { getPolkadotSigner } = await import('polkadot-api/signer');
const { Keyring } = await import('@polkadot/keyring');
const { cryptoWaitReady } = await import('@polkadot/util-crypto');

await cryptoWaitReady();
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
const signer = getPolkadotSigner(alice.publicKey, 'Sr25519', (data) => alice.sign(data));
const client = createClient(getWsProvider(process.argv[2]));
const api = client.getUnsafeApi();

const told = [];
const best = [];
client.bestBlocks$.subscribe(([block]) => best.push(block.number));
const remark = api.tx.System.remark({ remark: (await import('polkadot-api')).Binary.fromText('hello') });
await new Promise((done, failed) =>
  remark.signSubmitAndWatch(signer).subscribe({
    next: ({ type, found, block }) => told.push({ type, found, block: block?.number }),
    complete: done,
    error: failed,
  }),
);
client.destroy();
console.log(JSON.stringify({ told, best }));
process.exit(0);
