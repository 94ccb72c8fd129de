// A buyer without Python: finds a job's sealed result on the chain and opens it with the job's one-time key.
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { hexToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { sha256 } from 'multiformats/hashes/sha2';

const [url, http, number, secret] = process.argv.slice(2);
const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
});
const ENCAPSULATED_KEY = 32;

const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
const job = (await api.query.compute.jobs(number)).unwrap();
const delivered = job.state.isDelivered ? job.state.asDelivered : job.state.asCompleted;

const address = (hash) => CID.createV1(raw.code, { code: sha256.code, size: 32, digest: hash, bytes: u8aConcat([sha256.code, 32], hash) });
const sealed = new Uint8Array(await (await fetch(`${http}/ipfs/${address(delivered.result.toU8a())}`)).arrayBuffer());
const digest = (await sha256.digest(sealed)).digest;
if (u8aToHex(digest) !== delivered.result.toHex()) throw new Error('the node sent another result than the chain names');

const info = u8aConcat('tilth/result/1', api.genesisHash, api.createType('u64', number).toU8a(), job.specHash);

const open = async (info) => {
  const recipient = await suite.createRecipientContext({
    recipientKey: await suite.kem.importKey('raw', hexToU8a(secret), false),
    enc: sealed.slice(0, ENCAPSULATED_KEY),
    info,
  });
  return new Uint8Array(await recipient.open(sealed.slice(ENCAPSULATED_KEY)));
};

const result = await open(info);
const refused = await open(u8aConcat(info, [0])).then(() => null, (error) => error.name);
console.log(JSON.stringify({ result: u8aToHex(result), sealedBytes: sealed.length, declaredBytes: delivered.size_.toNumber(), refused }));
await api.disconnect();
