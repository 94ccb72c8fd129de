// An unmodified polkadot-api with the descriptors that `papi add` made of a running node.
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
globalThis.WebSocket ??= WebSocket;
const { createClient, Binary } = await import('polkadot-api');
const { getWsProvider } = await import('polkadot-api/ws');
const { getPolkadotSigner } = await import('polkadot-api/signer');
const { Keyring } = await import('@polkadot/keyring');
const { cryptoWaitReady } = await import('@polkadot/util-crypto');
const { tilth, MultiAddress } = await import(pathToFileURL(process.argv[3]));

await cryptoWaitReady();
const [alice, bob] = ['//Alice', '//Bob'].map((uri) => new Keyring({ type: 'sr25519' }).addFromUri(uri));
const signer = getPolkadotSigner(alice.publicKey, 'Sr25519', (data) => alice.sign(data));
const client = createClient(getWsProvider(process.argv[2]));
const api = client.getTypedApi(tilth);
const seen = {};

seen.deposit = (await api.constants.Balances.ExistentialDeposit()).toString();
seen.slot = (await api.apis.AuraApi.slot_duration()).toString();
const sent = await api.tx.Balances.transfer_keep_alive({ dest: MultiAddress.Id(bob.address), value: 10n ** 12n }).signAndSubmit(signer);
seen.ok = sent.ok;
seen.transferred = api.event.Balances.Transfer.filter(sent.events).length;
seen.nonce = (await api.query.System.Account.getValue(alice.address)).nonce;
const batch = api.tx.Utility.batch_all({ calls: [api.tx.System.remark({ remark: Binary.fromText('x') }).decodedCall] });
seen.fee = (await batch.getEstimatedFees(alice.address)) > 0n;
client.destroy();
console.log(JSON.stringify(seen));
process.exit(0);
