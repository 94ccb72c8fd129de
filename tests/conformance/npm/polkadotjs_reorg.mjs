// An unmodified @polkadot/api watches a transaction whose block is taken back; prints what it was told.
import { ApiPromise, WsProvider, Keyring } from '@polkadot/api';

const api = await ApiPromise.create({ provider: new WsProvider(process.argv[2]), noInitWarn: true });
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');

const told = [];
const heads = [];
await api.rpc.chain.subscribeAllHeads((head) => heads.push(head.number.toNumber()));
await new Promise((done, failed) =>
  api.tx.system
    .remark('0x00')
    .signAndSend(alice, ({ status }) => {
      told.push(status.type);
      if (status.isFinalized) done();
    })
    .catch(failed),
);
await api.disconnect();
console.log(JSON.stringify({ told, heads }));
process.exit(0);
