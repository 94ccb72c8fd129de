// Drives an unmodified polkadot-api against a node and prints what it saw as one JSON object.
import WebSocket from 'ws';
globalThis.WebSocket ??= WebSocket;
const { createClient } = await import('polkadot-api');
const { getWsProvider } = await import('polkadot-api/ws');
const { getPolkadotSigner } = await import('polkadot-api/signer');
const { Keyring } = await import('@polkadot/keyring');
const { cryptoWaitReady } = await import('@polkadot/util-crypto');

await cryptoWaitReady();
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
const bob = new Keyring({ type: 'sr25519' }).addFromUri('//Bob');
const signer = getPolkadotSigner(alice.publicKey, 'Sr25519', (data) => alice.sign(data));
const client = createClient(getWsProvider(process.argv[2]));
const api = client.getUnsafeApi();
const seen = {};

seen.chain = (await client.getChainSpecData()).name;
const account = () => api.query.System.Account.getValue(bob.address);
const before = (await account()).data.free;
const transfer = api.tx.Balances.transfer_keep_alive({ dest: { type: 'Id', value: bob.address }, value: 1_000_000_000_000n });
seen.fee = (await transfer.getEstimatedFees(alice.address)).toString();
const result = await transfer.signAndSubmit(signer);
seen.ok = result.ok;
seen.events = result.events.map((event) => `${event.type}.${event.value.type}`);
seen.received = ((await account()).data.free - before).toString();
seen.entries = (await api.query.System.Account.getEntries()).length > 5;
seen.version = (await api.constants.System.Version()).spec_name;
seen.nonce = await api.apis.AccountNonceApi.account_nonce(alice.address);
seen.block = (await client.getFinalizedBlock()).number > 0;
client.destroy();
console.log(JSON.stringify(seen));
process.exit(0);
