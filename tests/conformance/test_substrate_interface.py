"""An unmodified substrate-interface, driven against a node in another process."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from substrateinterface import Keypair, SubstrateInterface
from substrateinterface.exceptions import SubstrateRequestException

from tilth.node.author import Sealing
from tilth.runtime import DevRuntime
from tilth.testing import LocalNode, NodeProcess

ALICE = Keypair.create_from_uri("//Alice")
BOB = Keypair.create_from_uri("//Bob")
CHARLIE = Keypair.create_from_uri("//Charlie")
UNIT = 10**12


@pytest.fixture(scope="module")
def chain() -> Iterator[Any]:
    with NodeProcess() as node:
        client = SubstrateInterface(url=node.ws)
        yield client
        client.close()


def free(chain: Any, pair: Keypair) -> int:
    return int(chain.query("System", "Account", [pair.ss58_address]).value["data"]["free"])


def transfer(chain: Any, pair: Keypair, amount: int, **options: object) -> Any:
    call = chain.compose_call(
        "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": amount}
    )
    return chain.create_signed_extrinsic(call=call, keypair=pair, **options)


def test_it_connects_and_reads_constants(chain: Any) -> None:
    assert chain.chain == "Tilth Development"
    assert chain.token_symbol == "TLTH"
    assert chain.token_decimals == 12
    assert chain.get_constant("Balances", "ExistentialDeposit").value == 10**9
    assert chain.get_constant("System", "Version").value["spec_name"] == "tilth"


def test_it_watches_a_transfer_until_it_is_final(chain: Any) -> None:
    before = free(chain, BOB)
    extrinsic = transfer(chain, ALICE, 3 * UNIT, era={"period": 64}, tip=7)

    receipt = chain.submit_extrinsic(extrinsic, wait_for_finalization=True)

    assert receipt.is_success
    assert receipt.total_fee_amount > 0
    assert free(chain, BOB) == before + 3 * UNIT
    named = [(e.value["module_id"], e.value["event_id"]) for e in receipt.triggered_events]
    assert ("Balances", "Transfer") in named
    assert named[-1] == ("System", "ExtrinsicSuccess")


def test_it_knows_fee_and_nonce_beforehand(chain: Any) -> None:
    call = chain.compose_call("System", "remark", {"remark": "0x00"})

    assert int(chain.get_payment_info(call, ALICE)["partialFee"]) > 0
    assert chain.get_account_nonce(ALICE.ss58_address) >= 1


def test_it_lists_accounts_and_names_the_author(chain: Any) -> None:
    accounts = {str(key.value) for key, _ in chain.query_map("System", "Account")}
    block = chain.get_block(include_author=True)

    assert {ALICE.ss58_address, BOB.ss58_address} <= accounts
    assert block["author"] == ALICE.ss58_address


def test_it_hears_of_heads(chain: Any) -> None:
    def on_head(head: dict[str, Any], number: int, subscription: str) -> int | None:
        return int(head["header"]["number"]) or None

    assert chain.subscribe_block_headers(on_head) >= 1


def test_it_decodes_a_failed_call(chain: Any) -> None:
    receipt = chain.submit_extrinsic(
        transfer(chain, ALICE, 2_000_000 * UNIT), wait_for_inclusion=True
    )

    assert not receipt.is_success
    # this client has no name for token errors; the event has
    failed = receipt.triggered_events[-1].value
    assert failed["event_id"] == "ExtrinsicFailed"
    assert failed["attributes"]["dispatch_error"] == {"Token": "FundsUnavailable"}


def test_it_is_told_why_a_transaction_is_refused(chain: Any) -> None:
    nobody = Keypair.create_from_uri("//Nobody")

    with pytest.raises(SubstrateRequestException, match="Inability to pay some fees"):
        chain.submit_extrinsic(transfer(chain, nobody, 1))
    with pytest.raises(SubstrateRequestException, match="Transaction is outdated"):
        chain.submit_extrinsic(transfer(chain, ALICE, 1, nonce=0))


def test_it_composes_and_reads_calls_of_the_market(chain: Any) -> None:
    train = {
        "loss": "SoftmaxCrossEntropy",
        "optimizer": "Sgd",
        "steps": 40,
        "learning_rate_micro": 1_000_000,
        "clip_micro": 1_000_000,
        "noise_multiplier_milli": 9_000,
        "sampling_ppb": 10**9,
        "frozen": ([],),
        "momentum_micro": 900_000,
        "schedule": "Constant",
        "warmup_steps": 0,
        "huber_delta_micro": 1_000_000,
    }
    spec = {
        "dataset": 0,
        "model": "0x" + "11" * 32,
        "model_bytes": 440,
        "params": 62,
        "work": {"Train": train},
        "max_output_bytes": 4096,
        "result_key": "0x" + "22" * 32,
        "secret_model": False,
        "acceptance": None,
    }

    call = chain.compose_call("Compute", "create_job", {"spec": spec, "tip": 0, "max_price": None})

    assert call.value["call_args"]["spec"]["work"]["Train"]["steps"] == 40
    receipt = chain.submit_extrinsic(
        chain.create_signed_extrinsic(call=call, keypair=ALICE), wait_for_inclusion=True
    )
    assert not receipt.is_success  # there is no such table yet, and the chain says so
    assert receipt.error_message["type"] == "Module"


def test_it_knows_the_runtime_apis_and_history(chain: Any) -> None:
    first = chain.get_block_hash(0)
    now = chain.runtime_call("AccountNonceApi", "account_nonce", [ALICE.ss58_address])
    then = chain.query("System", "Account", [ALICE.ss58_address], block_hash=first)

    assert now.value >= 1
    assert then.value["nonce"] == 0


def test_it_hears_of_a_balance(chain: Any) -> None:
    heard: list[int] = []

    def on_balance(account: Any, updates: int, subscription: str) -> Any:
        heard.append(int(account.value["data"]["free"]))
        if updates == 0:
            # the client reads on only after this, and the node tells it of the block meanwhile
            chain_of_its_own.submit_extrinsic(transfer(chain_of_its_own, ALICE, UNIT))
        return heard if updates else None

    with SubstrateInterface(url=chain.url) as chain_of_its_own:
        chain.query("System", "Account", [BOB.ss58_address], subscription_handler=on_balance)

    assert heard[1] - heard[0] == UNIT


def test_it_acts_in_batches_and_together_with_others(chain: Any) -> None:
    account = chain.generate_multisig_account([p.ss58_address for p in (ALICE, BOB, CHARLIE)], 2)
    gift = {"dest": account.ss58_address, "value": 5 * UNIT}
    fund = chain.compose_call("Balances", "transfer_keep_alive", gift)
    batch = chain.compose_call("Utility", "batch_all", {"calls": [fund, fund]})
    spend = chain.compose_call(
        "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": UNIT}
    )
    weight = {"ref_time": 10**9, "proof_size": 10**5}
    sent = chain.submit_extrinsic(
        chain.create_signed_extrinsic(call=batch, keypair=ALICE), wait_for_inclusion=True
    )
    before = free(chain, BOB)

    first, second = (
        chain.submit_extrinsic(
            chain.create_multisig_extrinsic(spend, member, account, max_weight=weight),
            wait_for_inclusion=True,
        )
        for member in (ALICE, CHARLIE)
    )

    assert sent.is_success
    assert first.is_success
    executed = [each.value["event_id"] for each in second.triggered_events]
    assert "MultisigExecuted" in executed
    assert free(chain, BOB) == before + UNIT


def test_it_lands_pipelined_transactions(chain: Any) -> None:
    nonce = chain.get_account_nonce(CHARLIE.ss58_address)
    signed = [transfer(chain, CHARLIE, UNIT, nonce=nonce + each) for each in range(50)]

    for each in signed[:-1]:
        chain.submit_extrinsic(each)
    last = chain.submit_extrinsic(signed[-1], wait_for_finalization=True)

    assert last.is_success
    assert chain.get_account_nonce(CHARLIE.ss58_address) == nonce + 50


def test_it_sees_a_block_that_is_taken_back(reorganizing: Sealing) -> None:
    """Between two looks at it: this client follows no forks."""
    with LocalNode(DevRuntime, sealing=reorganizing, finality_lag=3) as node:
        client: Any = SubstrateInterface(url=node.ws)
        receipt = client.submit_extrinsic(transfer(client, ALICE, UNIT), wait_for_inclusion=True)
        included = client.get_block_number(receipt.block_hash)
        deadline = time.monotonic() + 20
        while client.get_block_number(client.get_chain_finalised_head()) <= included:
            assert time.monotonic() < deadline, "the fork does not become final"
            time.sleep(0.05)

        assert client.get_block_hash(included) != receipt.block_hash
        assert client.get_account_nonce(ALICE.ss58_address) == 1
        client.close()


def test_it_goes_on_over_an_upgrade(upgraded: Callable[[LocalNode], None]) -> None:
    with LocalNode(DevRuntime) as node:
        client: Any = SubstrateInterface(url=node.ws)
        old = client.compose_call("System", "remark", {"remark": "0x00"})
        client.submit_extrinsic(client.create_signed_extrinsic(old, ALICE), wait_for_inclusion=True)
        before = client.runtime_version

        upgraded(node)
        call = client.compose_call("Greeter", "greet", {})
        signed = client.create_signed_extrinsic(call, ALICE)
        receipt = client.submit_extrinsic(signed, wait_for_inclusion=True)

        assert receipt.is_success
        assert client.runtime_version == before + 1
        assert (
            client.get_metadata_call_function("Greeter", "greet", client.get_block_hash(1)) is None
        )
        client.close()
