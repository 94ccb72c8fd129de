// Drives an unmodified @parity/bulletin-sdk against a node: authorizes, stores a file of several chunks, renews.
import { createHash } from 'node:crypto';
import WebSocket from 'ws';
globalThis.WebSocket = WebSocket;
const { createClient } = await import('polkadot-api');
const { getWsProvider } = await import('polkadot-api/ws');
const { getPolkadotSigner } = await import('polkadot-api/signer');
const { Keyring } = await import('@polkadot/keyring');
const { cryptoWaitReady } = await import('@polkadot/util-crypto');
const { AsyncBulletinClient, HashAlgorithm } = await import('@parity/bulletin-sdk');

await cryptoWaitReady();
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
const signer = getPolkadotSigner(alice.publicKey, 'Sr25519', (data) => alice.sign(data));
const papi = createClient(getWsProvider(process.argv[2]));
const bulletin = new AsyncBulletinClient(papi.getUnsafeApi(), signer, papi.submit);
const hex = (data) => Buffer.from(data).toString('hex');
const seen = {};

await bulletin.authorizeAccount(alice.address, 10, 8n * 1024n * 1024n).withSudo().send();

const small = await bulletin.store(new TextEncoder().encode('Hello, Bulletin!')).send();
seen.small = hex(small.cid.multihash.digest);
await bulletin.renew(small.blockNumber, small.extrinsicIndex).send();
seen.renewed = true;

const file = new Uint8Array(5 * 512 * 1024).map((_, at) => (at * 31) ^ (at >> 10));
seen.sha256 = createHash('sha256').update(file).digest('hex');
const steps = new Set();
const stored = await bulletin
  .store(file)
  .withHashAlgorithm(HashAlgorithm.Sha2_256)
  .withChunkSize(1024 * 1024)
  .withCallback(({ type }) => steps.add(type))
  .send();
seen.chunks = stored.chunks.chunkCids.map((cid) => hex(cid.multihash.digest));
seen.manifest = hex(stored.cid.multihash.digest);
seen.cid = stored.cid.toString();
seen.completed = steps.has('completed');

console.log(JSON.stringify(seen));
process.exit(0);
