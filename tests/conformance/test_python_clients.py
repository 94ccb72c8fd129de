"""An unmodified substrate-interface, driven against a node in another process."""

from collections.abc import Iterator
from typing import Any

import pytest
from substrateinterface import Keypair, SubstrateInterface
from substrateinterface.exceptions import SubstrateRequestException

from tilth.sdk.process import NodeProcess

ALICE = Keypair.create_from_uri("//Alice")
BOB = Keypair.create_from_uri("//Bob")
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
    }
    spec = {
        "dataset": 0,
        "model": "0x" + "11" * 32,
        "model_bytes": 440,
        "params": 62,
        "train": train,
        "max_output_bytes": 4096,
        "result_key": "0x" + "22" * 32,
    }

    call = chain.compose_call("Compute", "create_job", {"spec": spec, "tip": 0, "max_price": None})

    assert call.value["call_args"]["spec"]["train"]["steps"] == 40
    receipt = chain.submit_extrinsic(
        chain.create_signed_extrinsic(call=call, keypair=ALICE), wait_for_inclusion=True
    )
    assert not receipt.is_success  # there is no such table yet, and the chain says so
    assert receipt.error_message["type"] == "Module"
