"""A connection to a node: JSON-RPC for calls and state, gRPC for content and jobs."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import grpc
    from substrateinterface import Keypair, SubstrateInterface


class Refused(Exception):
    """The chain did not do what was asked; the text is the chain's reason."""


class Client:
    """Signs with the caller's own keys: no secret ever leaves this process."""

    def __init__(
        self, url: str = "ws://127.0.0.1:9944", grpc_target: str = "127.0.0.1:50051"
    ) -> None:
        import grpc
        from substrateinterface import SubstrateInterface

        self.chain: SubstrateInterface = SubstrateInterface(url=url, ss58_format=42)
        self.channel: grpc.Channel = grpc.insecure_channel(grpc_target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.channel.close()
        self.chain.close()

    @property
    def genesis_hash(self) -> bytes:
        return bytes.fromhex(self.chain.get_block_hash(0).removeprefix("0x"))

    def signed(
        self,
        pair: "Keypair",
        pallet: str,
        call: str,
        params: Mapping[str, Any],
        *,
        nonce: int | None = None,
    ) -> bytes:
        """A signed extrinsic, ready to be submitted anywhere."""
        composed = self.chain.compose_call(pallet, call, dict(params))
        extrinsic = self.chain.create_signed_extrinsic(composed, pair, nonce=nonce)
        return bytes(extrinsic.data.data)

    def submit(
        self, pair: "Keypair", pallet: str, call: str, params: Mapping[str, Any]
    ) -> Sequence[dict[str, Any]]:
        """Sign, submit and wait for the block; returns the events, raises Refused."""
        from substrateinterface.exceptions import SubstrateRequestException

        composed = self.chain.compose_call(pallet, call, dict(params))
        extrinsic = self.chain.create_signed_extrinsic(composed, pair)
        try:
            receipt = self.chain.submit_extrinsic(extrinsic, wait_for_inclusion=True)
        except SubstrateRequestException as error:
            raise Refused(_reason(error)) from None
        if not receipt.is_success:
            raise Refused(_sentence(receipt.error_message))
        return [event.value["event"] for event in receipt.triggered_events]

    def query(self, pallet: str, item: str, *keys: Any) -> Any:
        """The decoded value of a storage item now."""
        return self.chain.query(pallet, item, list(keys)).value

    def free_balance(self, address: str) -> int:
        return int(self.query("System", "Account", address)["data"]["free"])

    def held_balance(self, address: str) -> int:
        return int(self.query("System", "Account", address)["data"]["reserved"])


def events_named(
    events: Sequence[dict[str, Any]], pallet: str, name: str
) -> Iterator[dict[str, Any]]:
    """The attributes of each event with this name."""
    for event in events:
        if event["module_id"] == pallet and event["event_id"] == name:
            yield event["attributes"]


def _reason(error: Exception) -> str:
    detail = error.args[0] if error.args else error
    if isinstance(detail, dict):
        return str(detail.get("data") or detail.get("message"))
    return str(detail)


def _sentence(message: Any) -> str:
    if isinstance(message, dict):
        docs = message.get("docs") or []
        return " ".join(docs) if docs else str(message.get("name"))
    return str(message)
