"""The same pallet as its users meet it: the whole runtime behind a node, and a client."""

from substrateinterface import Keypair, SubstrateInterface

from tilth.testing import LocalNode


def test_a_wallet_rates_a_book(node: LocalNode) -> None:
    with SubstrateInterface(url=node.ws) as client:
        call = client.compose_call("Reviews", "rate", {"book": "0x" + "07" * 32, "stars": 6})
        signed = client.create_signed_extrinsic(call, Keypair.create_from_uri("//Alice"))

        receipt = client.submit_extrinsic(signed, wait_for_inclusion=True)

        assert receipt.error_message["name"] == "NoSuchRating"
        assert receipt.error_message["docs"] == ["Stars go from one to five."]
