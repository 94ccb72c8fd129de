// Drives an unmodified @polkadot/api against a node and prints what it saw as one JSON object.
import { ApiPromise, WsProvider, Keyring } from '@polkadot/api';

const api = await ApiPromise.create({ provider: new WsProvider(process.argv[2]), noInitWarn: true });
const keyring = new Keyring({ type: 'sr25519' });
const [alice, bob] = ['//Alice', '//Bob'].map((uri) => keyring.addFromUri(uri));
const dave = keyring.addFromUri('//Dave');
const seen = {};

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
// on a busy machine the client itself may drop one
seen.inBlock = repeated.concat(seen.transfer).filter((each) => each.statuses.includes('InBlock')).length;
seen.immortal = (await send(api.tx.system.remark('0x00'), alice, { era: 0, tip: 5 })).statuses.at(-1);
seen.batch = (await send(api.tx.utility.batchAll([api.tx.system.remark('0x01'), api.tx.system.remark('0x02')]), alice)).events;
seen.failed = (await send(api.tx.balances.transferAllowDeath(bob.address, 2_000_000n * 10n ** 12n), dave)).error;

const pipelined = [];
let nonce = (await api.rpc.system.accountNextIndex(alice.address)).toNumber();
for (let i = 0; i < 20; i++) pipelined.push(send(api.tx.system.remark([i]), alice, { nonce: nonce++ }));
seen.pipelined = (await Promise.all(pipelined)).filter((each) => each.statuses.at(-1) === 'Finalized').length;

try {
  await api.tx.system.remark('0x03').signAndSend(alice, { nonce: 0 });
} catch (error) {
  seen.stale = error.message;
}

const first = await api.rpc.chain.getBlockHash(1);
const past = await api.at(first);
seen.historic = (await past.query.system.number()).toNumber();
seen.entries = (await api.query.system.account.entries()).length > 5;
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
