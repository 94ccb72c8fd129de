// Drives an unmodified @polkadot/api against a node and prints what it saw as one JSON object.
// Which of its versions is said by the second argument: the name that package.json gives it.
import { merkleizeMetadata } from '@polkadot-api/merkleize-metadata';
import { u8aToHex } from '@polkadot/util';
import { createKeyMulti, encodeAddress, sortAddresses } from '@polkadot/util-crypto';
const { ApiPromise, WsProvider, Keyring, packageInfo } = await import(process.argv[3]);

const api = await ApiPromise.create({ provider: new WsProvider(process.argv[2]), noInitWarn: true });
const keyring = new Keyring({ type: 'sr25519' });
const [alice, bob, charlie, dave] = ['//Alice', '//Bob', '//Charlie', '//Dave'].map((uri) => keyring.addFromUri(uri));
const seen = { client: packageInfo.version };

seen.chain = (await api.rpc.system.chain()).toString();
seen.metadataVersion = api.runtimeMetadata.version;
seen.specName = api.runtimeVersion.specName.toString();
seen.decimals = api.registry.chainDecimals[0];
seen.existentialDeposit = api.consts.balances.existentialDeposit.toString();
seen.pallets = api.runtimeMetadata.asLatest.pallets.map((pallet) => pallet.name.toString());
seen.calls = Object.keys(api.tx.compute ?? {}).concat(Object.keys(api.tx.datasets ?? {}));

const before = (await api.query.system.account(bob.address)).data.free.toBigInt();

const heads = [];
const stopHeads = await api.rpc.chain.subscribeNewHeads((head) => heads.push(head.number.toNumber()));
const balances = [];
const stopBalance = await api.query.system.account(bob.address, (account) => balances.push(account.data.free.toString()));

const send = (tx, pair, options = {}) => new Promise((resolve, reject) => {
  const statuses = [];
  tx.signAndSend(pair, options, ({ status, events, dispatchError }) => {
    statuses.push(status.type);
    if (status.isFinalized) {
      resolve({
        statuses,
        events: events.map(({ event }) => `${event.section}.${event.method}`),
        data: Object.fromEntries(events.map(({ event }) => [event.method, event.data.toJSON()])),
        error: dispatchError?.isModule ? api.registry.findMetaError(dispatchError.asModule).name : dispatchError?.toString() ?? null,
      });
    }
  }).catch(reject);
});

const amount = 1_000_000_000_000n;
const info = await api.tx.balances.transferKeepAlive(bob.address, amount).paymentInfo(alice);
seen.partialFee = info.partialFee.toString();
seen.transfer = await send(api.tx.balances.transferKeepAlive(bob.address, amount), alice);
seen.received = ((await api.query.system.account(bob.address)).data.free.toBigInt() - before).toString();
const repeated = [];
for (let i = 0; i < 3; i++) repeated.push(await send(api.tx.balances.transferKeepAlive(bob.address, amount), alice));
seen.again = repeated.map((each) => each.statuses.at(-1));
const remark = (text) => api.tx.system.remark(text);
seen.immortal = (await send(remark('0x00'), alice, { era: 0 })).statuses.at(-1);
const mortal = remark('0x01');
seen.mortal = (await send(mortal, alice, { era: 8, tip: 5 })).data.TransactionFeePaid;
seen.era = mortal.era.isMortalEra && mortal.era.asMortalEra.period.toNumber();
seen.batch = (await send(api.tx.utility.batchAll([remark('0x02'), remark('0x03')]), alice)).events;

const others = (pair) => sortAddresses([alice, bob, charlie].map(({ address }) => address).filter((each) => each !== pair.address));
const together = encodeAddress(createKeyMulti([alice, bob, charlie].map(({ address }) => address), 2));
await send(api.tx.balances.transferKeepAlive(together, 5n * amount), alice);
const spend = api.tx.balances.transferKeepAlive(dave.address, amount);
const weight = (await spend.paymentInfo(together)).weight;
const free = async (address) => (await api.query.system.account(address)).data.free.toBigInt();
const saved = await free(dave.address);
const approved = await send(api.tx.multisig.asMulti(2, others(alice), null, spend, weight), alice);
const { when } = (await api.query.multisig.multisigs(together, spend.method.hash)).unwrap();
const executed = await send(api.tx.multisig.asMulti(2, others(bob), when, spend, weight), bob);
seen.multisig = [approved, executed].map(({ events }) => events.find((name) => name.startsWith('multisig.')));
seen.spent = (await free(dave.address)) - saved === amount;

const metadata = (await api.call.metadata.metadataAtVersion(15)).unwrap();
const token = { decimals: api.registry.chainDecimals[0], tokenSymbol: api.registry.chainTokens[0] };
const hashed = async (shown) => send(remark('0x04'), alice, { mode: 1, metadataHash: u8aToHex(merkleizeMetadata(metadata, shown).digest()) });
seen.hashed = (await hashed(token)).statuses.at(-1);
seen.wronglyHashed = await hashed({ ...token, decimals: 3 }).catch((error) => error.message);
seen.failed = (await send(api.tx.balances.transferAllowDeath(bob.address, 2_000_000n * 10n ** 12n), dave)).error;

const pipelined = [];
let nonce = (await api.rpc.system.accountNextIndex(alice.address)).toNumber();
for (let i = 0; i < 50; i++) pipelined.push(send(remark([i]), alice, { nonce: nonce++ }));
seen.pipelined = (await Promise.all(pipelined)).filter((each) => each.statuses.at(-1) === 'Finalized').length;

try {
  await remark('0x05').signAndSend(alice, { nonce: 0 });
} catch (error) {
  seen.stale = error.message;
}

const first = await api.rpc.chain.getBlockHash(1);
const past = await api.at(first);
seen.historic = (await past.query.system.number()).toNumber();
seen.entries = (await api.query.system.account.entries()).length;
const pages = [];
for (let last; !last || pages.at(-1).length === 5; last = pages.at(-1).at(-1)?.[0].toHex())
  pages.push(await api.query.system.account.entriesPaged({ args: [], pageSize: 5, startKey: last }));
seen.paged = pages.flat().length;
seen.several = (await api.query.system.account.multi([alice.address, bob.address])).length;
seen.coreVersion = (await api.call.core.version()).specName.toString();
seen.author = (await api.derive.chain.getHeader(first))?.author?.toString() ?? null;
seen.nonceByRuntime = (await api.call.accountNonceApi.accountNonce(alice.address)).toNumber() === nonce;
seen.proof = (await api.rpc.state.getReadProof([api.query.system.number.key()])).proof.length > 0;

stopHeads();
stopBalance();
seen.heads = heads.length;
seen.balanceUpdates = balances.length;
await api.disconnect();
console.log(JSON.stringify(seen));
process.exit(0);
