"""The script against a node that is started for each test. Run it: python -m pytest"""

from collections.abc import Iterator

import pytest
from payroll import NotPaid, pay
from substrateinterface import Keypair, SubstrateInterface

from tilth.frame import AccountId
from tilth.testing import LocalNode

UNIT = 10**12
ALICE, BOB, CHARLIE = (Keypair.create_from_uri(f"//{name}") for name in ("Alice", "Bob", "Charlie"))


@pytest.fixture
def client(node: LocalNode) -> Iterator[SubstrateInterface]:
    with SubstrateInterface(url=node.ws) as client:
        yield client


def free(client: SubstrateInterface, who: Keypair) -> int:
    account = client.query("System", "Account", [who.ss58_address])
    return int(account.value["data"]["free"])


def test_everybody_is_paid(client: SubstrateInterface) -> None:
    before = free(client, BOB), free(client, CHARLIE)

    pay(client, ALICE, {BOB.ss58_address: 3 * UNIT, CHARLIE.ss58_address: 5 * UNIT})

    assert (free(client, BOB), free(client, CHARLIE)) == (
        before[0] + 3 * UNIT,
        before[1] + 5 * UNIT,
    )


def test_who_cannot_pay_all_pays_nobody(
    node: LocalNode, client: SubstrateInterface, alice: AccountId
) -> None:
    node.run(lambda running: running.dev.set_balance(alice, 4 * UNIT))
    before = free(client, BOB)

    with pytest.raises(NotPaid, match="FundsUnavailable"):
        pay(client, ALICE, {BOB.ss58_address: 3 * UNIT, CHARLIE.ss58_address: 5 * UNIT})

    assert free(client, BOB) == before


def test_each_test_has_a_chain_of_its_own(client: SubstrateInterface) -> None:
    assert client.get_block_number(client.get_chain_head()) == 0
    assert free(client, ALICE) == 1_000_000 * UNIT
