// An unmodified @polkadot/api goes on over an upgrade of the runtime; prints what it saw.
import { ApiPromise, WsProvider, Keyring } from '@polkadot/api';

const api = await ApiPromise.create({ provider: new WsProvider(process.argv[2]), noInitWarn: true });
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
const genesis = await api.rpc.chain.getBlockHash(0);
const seen = { versions: [], before: 'greeter' in api.tx };
await api.rpc.state.subscribeRuntimeVersion((version) => seen.versions.push(version.specVersion.toNumber()));
console.log('ready');
for (let tries = 0; !api.tx.greeter && tries < 400; tries++) await new Promise((done) => setTimeout(done, 25));

seen.events = await new Promise((done, failed) =>
  api.tx.greeter
    .greet()
    .signAndSend(alice, ({ status, events }) => {
      if (status.isFinalized) done(events.map(({ event }) => `${event.section}.${event.method}`));
    })
    .catch(failed),
);
seen.now = api.runtimeVersion.specVersion.toNumber();
const then = await api.at(genesis);
seen.then = { version: then.runtimeVersion.specVersion.toNumber(), greeter: 'greeter' in then.tx };
await api.disconnect();
console.log(JSON.stringify(seen));
process.exit(0);
