"""Drives an unmodified async-substrate-interface against a node; prints what it saw as JSON.

It runs in an environment of its own, because this client's codec and scalecodec share a name.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sr25519
from async_substrate_interface import AsyncSubstrateInterface
from async_substrate_interface.errors import SubstrateRequestException

UNIT = 10**12


@dataclass(frozen=True)
class Signer:
    """Has what this client asks of a key pair; it brings none itself."""

    public_key: bytes
    secret: bytes
    ss58_address: str
    crypto_type: int = 1
    ss58_format: int = 42

    def sign(self, data: Any) -> bytes:
        return bytes(
            sr25519.sign((self.public_key, self.secret), bytes(getattr(data, "data", data)))
        )


def signers(arguments: str) -> list[Signer]:
    return [
        Signer(bytes.fromhex(public), bytes.fromhex(secret), address)
        for public, secret, address in json.loads(arguments)
    ]


class Client:
    """One connection, and the calls that the tests make over it."""

    def __init__(self, chain: AsyncSubstrateInterface) -> None:
        self.chain = chain

    async def call(self, module: str, function: str, **params: Any) -> Any:
        return await self.chain.compose_call(module, function, params)

    async def send(self, call: Any, by: Signer, *, final: bool = False, **options: Any) -> Any:
        extrinsic = await self.chain.create_signed_extrinsic(call, by, **options)
        return await self.chain.submit_extrinsic(
            extrinsic, wait_for_inclusion=not final, wait_for_finalization=final
        )

    async def free(self, address: str, block_hash: str | None = None) -> int:
        found = await self.chain.query("System", "Account", [address], block_hash=block_hash)
        return int(getattr(found, "value", found)["data"]["free"])


async def names(receipt: Any) -> list[str]:
    events = [getattr(each, "value", each) for each in await receipt.triggered_events]
    return [f"{each['module_id']}.{each['event_id']}" for each in events]


async def read(client: Client, alice: Signer, bob: Signer) -> dict[str, Any]:
    chain = client.chain
    deposit = await chain.get_constant("Balances", "ExistentialDeposit")
    accounts = await chain.query_map("System", "Account", page_size=5, fully_exhaust=True)
    keys = [
        await chain.create_storage_key("System", "Account", [each.ss58_address])
        for each in (alice, bob)
    ]
    remark = await client.call("System", "remark", remark="0x00")
    header = await chain.get_block_header()
    return {
        "chain": chain.chain,
        "deposit": getattr(deposit, "value", deposit),
        "accounts": len([key async for key, _ in accounts]),
        "several": len(await chain.query_multi(keys)),
        "nonce": await chain.get_account_next_index(alice.ss58_address, use_cache=False),
        "fee": (await chain.get_payment_info(remark, alice))["partial_fee"],
        "api": await chain.runtime_call("AccountNonceApi", "account_nonce", [alice.ss58_address]),
        "header": header["header"]["number"],
    }


async def transfer(client: Client, alice: Signer, bob: Signer) -> dict[str, Any]:
    chain, before = client.chain, await client.free(bob.ss58_address)
    start = await chain.get_chain_head()
    call = await client.call(
        "Balances", "transfer_keep_alive", dest=bob.ss58_address, value=3 * UNIT
    )
    final = await client.send(call, alice, final=True, era={"period": 64}, tip=7)
    immortal = await client.send(call, alice)
    paid = [getattr(each, "value", each) for each in await final.triggered_events]
    fee = next(each for each in paid if each["event_id"] == "TransactionFeePaid")
    return {
        "success": await final.is_success and await immortal.is_success,
        "events": await names(final),
        "tip": fee["attributes"]["tip"],
        "received": await client.free(bob.ss58_address) - before,
        "historic": await client.free(bob.ss58_address, start) - before,
        "fee": await final.total_fee_amount,
    }


async def together(client: Client, members: list[Signer]) -> dict[str, Any]:
    alice, bob, _ = members
    account = client.chain.generate_multisig_account([each.ss58_address for each in members], 2)
    fund = await client.call(
        "Balances", "transfer_keep_alive", dest=account.ss58_address, value=5 * UNIT
    )
    calls = [await client.call("System", "remark", remark=f"0x0{each}") for each in (1, 2)]
    batch = await client.call("Utility", "batch_all", calls=calls)
    spend = await client.call("Balances", "transfer_keep_alive", dest=bob.ss58_address, value=UNIT)
    hash_ = f"0x{spend.call_hash.hex()}"
    weight = {"ref_time": 10**9, "proof_size": 10**5}
    seen = {"batch": await names(await client.send(batch, alice))}
    await client.send(fund, alice)
    approvals = []
    # its own create_multisig_extrinsic fails where nobody has approved yet
    for member in (alice, bob):
        pending = await client.chain.query("Multisig", "Multisigs", [account.ss58_address, hash_])
        others = sorted(each.public_key for each in members if each is not member)
        approval = await client.call(
            "Multisig",
            "as_multi",
            threshold=2,
            other_signatories=[f"0x{each.hex()}" for each in others],
            maybe_timepoint=pending.value and pending.value["when"],
            call=spend,
            max_weight=weight,
        )
        happened = await names(await client.send(approval, member))
        approvals += [name for name in happened if name.startswith("Multisig")]
    return {**seen, "multisig": approvals}


async def fail(client: Client, alice: Signer, bob: Signer) -> dict[str, Any]:
    too_much = await client.call(
        "Balances", "transfer_keep_alive", dest=bob.ss58_address, value=2_000_000 * UNIT
    )
    receipt = await client.send(too_much, alice)
    refused = ""
    try:
        await client.send(too_much, alice, nonce=0)
    except SubstrateRequestException as error:
        refused = str(error)
    return {
        "success": await receipt.is_success,
        "events": await names(receipt),
        "refused": refused,
    }


async def race(client: Client, alice: Signer) -> dict[str, Any]:
    chain, first = (
        client.chain,
        await client.chain.get_account_next_index(alice.ss58_address, use_cache=False),
    )
    remark = await client.call("System", "remark", remark="0x00")
    signed = [
        await chain.create_signed_extrinsic(remark, alice, nonce=first + each) for each in range(50)
    ]
    receipts = await asyncio.gather(
        *(chain.submit_extrinsic(each, wait_for_inclusion=True) for each in signed)
    )
    return {"landed": sum([await each.is_success for each in receipts])}


async def listen(client: Client, alice: Signer, bob: Signer) -> dict[str, Any]:
    heads: list[int] = []
    balances: list[int] = []

    async def on_head(message: Any) -> list[int] | None:
        heads.append(int(message["header"]["number"]))
        return heads if len(heads) == 2 else None

    async def on_balance(key: Any, value: Any, subscription: str) -> list[int] | None:
        balances.append(int(value["data"]["free"]))
        return balances if len(balances) == 2 else None

    account = await client.chain.create_storage_key("System", "Account", [bob.ss58_address])
    call = await client.call("Balances", "transfer_keep_alive", dest=bob.ss58_address, value=UNIT)
    for listening in (
        client.chain.subscribe_block_headers(on_head),
        client.chain.subscribe_storage([account], on_balance),
    ):
        waiting = asyncio.ensure_future(listening)
        await asyncio.sleep(0.2)
        await client.send(call, alice)
        # it ends a storage subscription by looking for an error in a bool
        with suppress(TypeError):
            await asyncio.wait_for(waiting, 20)
    return {"heads": heads[1] - heads[0], "balances": balances[1] - balances[0]}


async def main(url: str, secrets: str) -> None:
    alice, bob, charlie = signers(secrets)
    async with AsyncSubstrateInterface(url) as chain:
        client = Client(chain)
        seen = {
            "read": await read(client, alice, bob),
            "transfer": await transfer(client, alice, bob),
            "together": await together(client, [alice, bob, charlie]),
            "fail": await fail(client, alice, bob),
            "race": await race(client, alice),
            "listen": await listen(client, alice, bob),
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
