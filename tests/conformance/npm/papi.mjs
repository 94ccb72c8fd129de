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
const { getPolkadotSigner, withMetadataHash } = await import('polkadot-api/signer');
const { Binary } = await import('polkadot-api');
const { Keyring } = await import('@polkadot/keyring');
const { createKeyMulti, cryptoWaitReady, encodeAddress, sortAddresses } = await import('@polkadot/util-crypto');

await cryptoWaitReady();
const keyring = new Keyring({ type: 'sr25519' });
const [alice, bob, charlie] = ['//Alice', '//Bob', '//Charlie'].map((uri) => keyring.addFromUri(uri));
const signerOf = (pair) => getPolkadotSigner(pair.publicKey, 'Sr25519', (data) => pair.sign(data));
const signer = signerOf(alice);
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

const remark = (text) => api.tx.System.remark({ remark: Binary.fromText(text) });
const happened = ({ events }, pallet) => events.filter(({ type }) => type === pallet).map(({ value }) => value);
const tipped = await remark('mortal').signAndSubmit(signer, { mortality: { mortal: true, period: 16 }, tip: 5n });
seen.tip = Number(happened(tipped, 'TransactionPayment')[0].value.tip);
seen.immortal = (await remark('immortal').signAndSubmit(signer, { mortality: { mortal: false } })).ok;
const calls = [remark('one'), remark('two')].map(({ decodedCall }) => decodedCall);
seen.batch = happened(await api.tx.Utility.batch_all({ calls }).signAndSubmit(signer), 'Utility').at(-1).type;

const others = (pair) => sortAddresses([alice, bob, charlie].map(({ address }) => address).filter((each) => each !== pair.address));
const together = encodeAddress(createKeyMulti([alice, bob, charlie].map(({ address }) => address), 2));
await api.tx.Balances.transfer_keep_alive({ dest: { type: 'Id', value: together }, value: 5n * UNIT }).signAndSubmit(signer);
const approve = async (pair, maybe_timepoint) => {
  const max_weight = { ref_time: 10n ** 9n, proof_size: 10n ** 5n };
  const shared = { threshold: 2, other_signatories: others(pair), maybe_timepoint, call: transfer(UNIT).decodedCall, max_weight };
  return happened(await api.tx.Multisig.as_multi(shared).signAndSubmit(signerOf(pair)), 'Multisig')[0];
};
const begun = await approve(alice);
const [{ value: pending }] = await api.query.Multisig.Multisigs.getEntries(together);
seen.multisig = [begun.type, (await approve(bob, pending.when)).type];

const token = { decimals: 12, tokenSymbol: 'TLTH' };
seen.hashed = (await remark('hashed').signAndSubmit(withMetadataHash(token, signer))).ok;
seen.wronglyHashed = await remark('hashed').signAndSubmit(withMetadataHash({ ...token, decimals: 3 }, signer))
  .catch((error) => error.error?.value?.type ?? String(error));

const first = await api.apis.AccountNonceApi.account_nonce(alice.address);
const pipelined = Array.from({ length: 50 }, (_, i) => remark(`${i}`).signAndSubmit(signer, { nonce: first + i }));
seen.pipelined = (await Promise.all(pipelined)).filter(({ ok }) => ok).length;

const historic = await account({ at: result.block.hash });
seen.historic = (historic.data.free - before).toString();
seen.deposit = (await api.constants.Balances.ExistentialDeposit()).toString();
seen.coreVersion = (await api.apis.Core.version()).spec_name;

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
