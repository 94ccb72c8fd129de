"""The two faces of a node as the SDK uses them: JSON-RPC to sign and to read, gRPC to submit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from tilth.sdk.refusals import Refused, grpc_answers, json_rpc_answers, refusal

if TYPE_CHECKING:
    from substrateinterface import Keypair

    from tilth.v1.transactions_pb2 import Inclusion, TransactionStatus

_LARGEST_MESSAGE: Final = 16 * 1024 * 1024
_LEFT: Final = {
    "usurped": "another transaction with the same nonce took its place",
    "dropped": "the pool was too full to keep it",
    "invalid": "it can no longer be included",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; accounts are addresses, hashes are hex."""

    pallet: str
    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a transaction stands in the chain, and what it made happen."""

    block: int
    index: int
    events: tuple[Event, ...]

    def all(self, pallet: str, name: str) -> Iterator[Mapping[str, Any]]:
        """The fields of each event of this name."""
        return (e.fields for e in self.events if (e.pallet, e.name) == (pallet, name))

    def one(self, pallet: str, name: str) -> Mapping[str, Any]:
        """The fields of the first event of this name, which must have happened."""
        found = next(self.all(pallet, name), None)
        if found is None:
            raise LookupError(f"block {self.block}, extrinsic {self.index}: no {pallet}.{name}")
        return found

    @property
    def fee(self) -> int:
        """What its signer paid for it, in planck."""
        return sum(fields["actual_fee"] for fields in self.all(*_FEE_PAID))


_FEE_PAID: Final = ("TransactionPayment", "TransactionFeePaid")


class Connection:
    """Not for several threads at a time: substrate-interface has one socket."""

    def __init__(self, url: str, target: str) -> None:
        import grpc

        from tilth.v1.content_pb2_grpc import ContentStub
        from tilth.v1.jobs_pb2_grpc import JobsStub
        from tilth.v1.transactions_pb2_grpc import TransactionsStub

        self.url = url
        self.target = target
        with json_rpc_answers(url):
            self.chain: Any = _chain(url)  # its annotations leave None out
        sizes = [("grpc.max_receive_message_length", _LARGEST_MESSAGE)]
        self._channel = grpc.insecure_channel(target, options=sizes)
        self.content = ContentStub(self._channel)
        self.jobs = JobsStub(self._channel)
        self._transactions = TransactionsStub(self._channel)

    def close(self) -> None:
        self._channel.close()
        self.chain.close()

    @cached_property
    def genesis_hash(self) -> bytes:
        with json_rpc_answers(self.url):
            return bytes.fromhex(self.chain.get_block_hash(0).removeprefix("0x"))

    def next_nonce(self, address: str) -> int:
        """The account's next nonce, counting what waits in the pool."""
        return int(self.ask("system_accountNextIndex", [address]))

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
        if nonce is None:
            nonce = self.next_nonce(pair.ss58_address)
        with json_rpc_answers(self.url):
            composed = self.call(pallet, call, params)
            extrinsic = self.chain.create_signed_extrinsic(composed, pair, nonce=nonce)
        return bytes(extrinsic.data.data)

    def call(self, pallet: str, call: str, params: Mapping[str, Any]) -> Any:
        """A call as substrate-interface has it."""
        with json_rpc_answers(self.url):
            return self.chain.compose_call(pallet, call, dict(params))

    def unsigned(self, pallet: str, call: str, params: Mapping[str, Any]) -> bytes:
        """An extrinsic that no account signs."""
        with json_rpc_answers(self.url):
            composed = self.call(pallet, call, params)
            extrinsic = self.chain.create_unsigned_extrinsic(composed)
        return bytes(extrinsic.data.data)

    def submit(self, extrinsic: bytes) -> Receipt:
        """Submit, and wait for the block that holds it; raises Refused."""
        with grpc_answers(self.target):
            inclusion = self._included(extrinsic)
        if inclusion.HasField("error"):
            raise refusal(inclusion.error)
        return self.receipt(inclusion)

    def receipt(self, inclusion: "Inclusion") -> Receipt:
        events = self.events("0x" + inclusion.block.hash.hex(), extrinsic=inclusion.index)
        return Receipt(inclusion.block.number, inclusion.index, events)

    def events(self, block_hash: str, *, extrinsic: int | None = None) -> tuple[Event, ...]:
        """What happened in a block, or by one extrinsic of it."""
        with json_rpc_answers(self.url):
            records = [record.value for record in self.chain.get_events(block_hash)]
        return tuple(
            Event(event["module_id"], event["event_id"], event["attributes"] or {})
            for record in records
            if extrinsic is None or record["extrinsic_idx"] == extrinsic
            for event in (record["event"],)
        )

    def query(self, pallet: str, item: str, keys: Sequence[Any], block_hash: str | None) -> Any:
        """The decoded value of a storage item, at the best block if none is named."""
        with json_rpc_answers(self.url):
            return self.chain.query(pallet, item, list(keys), block_hash).value

    def known(self, pallet: str, item: str, keys: Sequence[Any]) -> list[bool]:
        """Which of these keys the storage map has at the best block, asked for at once."""
        if not keys:
            return []
        with json_rpc_answers(self.url):
            places = [self._place(pallet, item, key) for key in keys]
        (answer,) = self.ask("state_queryStorageAt", [places])
        held = {place for place, value in answer["changes"] if value is not None}
        return [place in held for place in places]

    def _place(self, pallet: str, item: str, key: Any) -> str:
        """Without a question to the node for each key, unlike `create_storage_key`."""
        from substrateinterface.storage import StorageKey

        if self.chain.metadata is None:
            self.chain.init_runtime()
        config, metadata = self.chain.runtime_config, self.chain.metadata
        named = {"runtime_config": config, "metadata": metadata}
        place: str = StorageKey.create_from_storage_function(pallet, item, [key], **named).to_hex()
        return place

    def entries(self, pallet: str, item: str, block_hash: str | None) -> Iterator[tuple[Any, Any]]:
        """Every key of a storage map with its value."""
        with json_rpc_answers(self.url):
            for key, value in self.chain.query_map(pallet, item, block_hash=block_hash):
                yield key.value, value.value

    def block_hash(self, number: int | None) -> str:
        with json_rpc_answers(self.url):
            found: str | None = self.chain.get_block_hash(number)
        if found is None:
            raise LookupError(f"the chain has no block {number} yet")
        return found

    def constant(self, pallet: str, name: str) -> Any:
        """The decoded value of a pallet's constant."""
        with json_rpc_answers(self.url):
            found = self.chain.get_constant(pallet, name)
        if found is None:
            raise LookupError(f"this chain has no constant {pallet}.{name}")
        return found.value

    def call_api(self, method: str, argument: bytes) -> bytes:
        """What a method of the runtime's API answers at the best block, encoded."""
        answer: str = self.ask("state_call", [method, "0x" + argument.hex()])
        return bytes.fromhex(answer.removeprefix("0x"))

    def dispatch_error(self, data: bytes) -> Refused:
        """An encoded error in the chain's words."""
        from scalecodec import ScaleBytes

        with json_rpc_answers(self.url):
            self.chain.init_runtime()
            scale = self.chain.runtime_config.create_scale_object("sp_runtime::DispatchError")
            return _in_words(self.chain, scale.decode(ScaleBytes(data)))

    def ask(self, method: str, params: list[Any]) -> Any:
        """A JSON-RPC method's result."""
        with json_rpc_answers(self.url):
            return self.chain.rpc_request(method, params)["result"]

    def _included(self, extrinsic: bytes) -> "Inclusion":
        from tilth.v1.transactions_pb2 import SubmitAndWatchRequest

        statuses = self._transactions.SubmitAndWatch(SubmitAndWatchRequest(extrinsic=extrinsic))
        try:
            return next(found for found in map(_inclusion_in, statuses) if found is not None)
        finally:
            statuses.cancel()


def _chain(url: str) -> Any:
    from substrateinterface import SubstrateInterface

    class Chain(SubstrateInterface):  # type: ignore[misc]  # it has no types
        """Asks once for what never changes: every signature takes the genesis' hash."""

        _genesis: str | None = None

        def get_block_hash(self, block_id: Any = None) -> Any:
            if block_id != 0:
                return super().get_block_hash(block_id)
            if self._genesis is None:
                self._genesis = super().get_block_hash(0)
            return self._genesis

    return Chain(url=url)


def _inclusion_in(status: "TransactionStatus") -> "Inclusion | None":
    kind = status.WhichOneof("status")
    if kind in _LEFT:
        raise Refused(f"no block holds the transaction: {_LEFT[kind]}")
    return status.in_block if kind == "in_block" else None


def _in_words(chain: Any, error: Any) -> Refused:
    """The one variant of a decoded DispatchError."""
    if isinstance(error, str):
        return Refused(error, error)
    ((kind, detail),) = error.items()
    if kind != "Module":
        name = f"{kind}.{detail}" if isinstance(detail, str) else str(kind)
        return Refused(name, name)
    position = bytes.fromhex(detail["error"].removeprefix("0x"))[0]
    pallet = next(p for p in chain.metadata.pallets if p["index"] == detail["index"])
    found = pallet.errors[position]
    return Refused(" ".join(found.docs), f"{pallet.name}.{found.name}")
