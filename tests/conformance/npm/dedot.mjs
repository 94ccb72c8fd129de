// Drives an unmodified dedot against a node and prints what it saw as one JSON object: its client of
// the new protocol, or with `legacy` the one of the old methods.
import WebSocket from 'ws';

globalThis.WebSocket = WebSocket;
const { DedotClient, LegacyClient, WsProvider } = await import('dedot');
const { Keyring } = await import('@polkadot/keyring');
const { cryptoWaitReady } = await import('@polkadot/util-crypto');

await cryptoWaitReady();
const keyring = new Keyring({ type: 'sr25519' });
const [alice, bob] = ['//Alice', '//Bob'].map((uri) => keyring.addFromUri(uri));
const UNIT = 1_000_000_000_000n;
const seen = {};

const Client = process.argv[3] === 'legacy' ? LegacyClient : DedotClient;
const client = await Client.new({ provider: new WsProvider(process.argv[2]) });
const free = async () => (await client.query.system.account(bob.address)).data.free;
const before = await free();

const balances = [];
const unsubscribe = await client.query.system.account(bob.address, ({ data }) => balances.push(data.free - before));

const statuses = [];
const transferred = await client.tx.balances
  .transferKeepAlive(bob.address, UNIT)
  .signAndSend(alice, ({ status }) => statuses.push(status.type))
  .untilFinalized();
seen.statuses = statuses;
seen.events = transferred.events.map(({ event }) => `${event.pallet}.${event.palletEvent.name ?? event.palletEvent}`);
seen.received = String((await free()) - before);

const calls = [client.tx.system.remark('0x11').call, client.tx.balances.transferKeepAlive(bob.address, UNIT).call];
const batch = await client.tx.utility.batchAll(calls).signAndSend(alice, { tip: 5n }).untilFinalized();
seen.batch = batch.dispatchError === undefined;
const refused = await client.tx.balances.transferKeepAlive(bob.address, UNIT * 2_000_000n).signAndSend(alice).untilFinalized();
seen.error = refused.dispatchError;

seen.several = (await client.query.system.account.multi([alice.address, bob.address])).length;
seen.accounts = (await client.query.system.account.entries()).length;
seen.deposit = String(client.consts.balances.existentialDeposit);
seen.spec = (await client.call.core.version()).specName;
seen.versions = await client.call.metadata.metadataVersions();
seen.fee = String((await client.tx.system.remark('0x11').paymentInfo(alice.address)).partialFee);
for (let tries = 0; balances.at(-1) !== UNIT * 2n && tries < 400; tries++) await new Promise((done) => setTimeout(done, 25));
seen.balances = balances.map(String);
await unsubscribe();
await client.disconnect();
console.log(JSON.stringify(seen));
process.exit(0);
