"""`tilth dev --try-state` stops at the first block that breaks a pallet's promise."""

from tilth.sdk import DevChain, NodeProcess


def test_a_broken_invariant_stops_the_node_and_the_terminal_says_which() -> None:
    with NodeProcess("--try-state") as node:
        chain = DevChain(node.http)
        chain.mine(1)

        chain.set_storage({"Balances": {"TotalIssuance": 5}})

        assert node.process.wait(timeout=20) == 1
        said = node.log.read_text().splitlines()[-1]
        assert said.startswith("tilth: Block #2 ")
        assert "breaks an invariant: Balances: the accounts do not add up" in said
