// An unmodified polkadot-api goes on over an upgrade of the runtime; prints what it saw.
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
const version = async () => (await api.constants.System.Version()).spec_version;
const seen = { before: await version() };
console.log('ready');
for (let tries = 0; (await version()) === seen.before && tries < 400; tries++) await new Promise((done) => setTimeout(done, 25));

seen.now = await version();
const sent = await api.tx.Greeter.greet().signAndSubmit(signer);
seen.events = sent.events.map(({ type, value }) => `${type}.${value.type}`);
client.destroy();
console.log(JSON.stringify(seen));
process.exit(0);
