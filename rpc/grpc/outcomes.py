"""What became of a transaction in a block: its place, its events, and its call's error."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from tilth.frame import DispatchError, Module, Runtime, RuntimeEvent
from tilth.frame.errors import Arithmetic, Token, Transactional, Trie, variant_name
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.pallets.system.types import ApplyExtrinsic, EventRecord
from tilth.primitives.crypto.hashing import twox_128
from tilth.primitives.types import H256
from tilth.v1 import errors_pb2 as errors
from tilth.v1.chain_pb2 import BlockId
from tilth.v1.transactions_pb2 import Inclusion

# The one storage item of a chain that clients must know by heart: frame/system/src/lib.rs, Events
_EVENTS: Final = twox_128(b"System") + twox_128(b"Events")
_REMEMBERED_BLOCKS: Final = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    block: Block
    index: int
    events: tuple[RuntimeEvent, ...]
    error: errors.DispatchError | None

    def inclusion(self) -> Inclusion:
        return Inclusion(block=block_id(self.block), index=self.index, error=self.error)

    def fields_of(self, pallet: str, event: str) -> list[Any]:
        """The fields of the events of this name, in the order in which they happened."""
        return [
            each.event
            for each in self.events
            if each.pallet == pallet and type(each.event).__name__ == event
        ]


class Outcomes:
    """Reads a block's events once, however many ask for one transaction each."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._blocks: OrderedDict[H256, dict[bytes, Outcome]] = OrderedDict()

    def of(self, block: Block, extrinsic: bytes) -> Outcome:
        """The block must hold the extrinsic."""
        known = self._blocks.get(block.hash)
        if known is None:
            known = self._blocks[block.hash] = self._read(block)
            if len(self._blocks) > _REMEMBERED_BLOCKS:
                self._blocks.popitem(last=False)
        return known[extrinsic]

    def _read(self, block: Block) -> dict[bytes, Outcome]:
        """By the runtime that executed the block: its own one, or the one it replaced."""
        parent = self._chain.expect(block.parent_hash)
        return _outcomes(self._chain.runtimes.at(parent.state), block)


def block_id(block: Block) -> BlockId:
    return BlockId(hash=block.hash, number=block.number)


def _outcomes(runtime: Runtime, block: Block) -> dict[bytes, Outcome]:
    events: dict[int, list[RuntimeEvent]] = {}
    for record in _records(runtime, block):
        if isinstance(record.phase, ApplyExtrinsic):
            events.setdefault(record.phase.index, []).append(record.event)
    return {
        data: _outcome(runtime, block, index, tuple(events.get(index, ())))
        for index, data in enumerate(block.extrinsics)
    }


def _records(runtime: Runtime, block: Block) -> tuple[EventRecord, ...]:
    data = block.state.get(_EVENTS)
    if data is None:
        return ()
    records: tuple[EventRecord, ...] = runtime.codecs.of(tuple[EventRecord, ...]).decode(data)
    return records


def _outcome(
    runtime: Runtime, block: Block, index: int, events: tuple[RuntimeEvent, ...]
) -> Outcome:
    failed = [
        each.event.dispatch_error
        for each in events
        if each.pallet == "System" and type(each.event).__name__ == "ExtrinsicFailed"
    ]
    error = dispatch_error(runtime, failed[0]) if failed else None
    return Outcome(block, index, events, error)


def dispatch_error(runtime: Runtime, error: Any) -> errors.DispatchError:
    encoded = runtime.codecs.of(DispatchError).encode(error)
    if isinstance(error, Module):
        pallet, name, message = _of_module(runtime, error)
        return errors.DispatchError(pallet=pallet, name=name, message=message, encoded=encoded)
    name = _shared_name(error)
    return errors.DispatchError(name=name, message=name, encoded=encoded)


def _of_module(runtime: Runtime, error: Module) -> tuple[str, str, str]:
    """Pallet, name and sentence: the runtime explains its errors in the form Pallet.Name: …"""
    name, _, sentence = runtime.explain(error).partition(": ")
    pallet, _, variant = name.partition(".")
    return pallet, variant, sentence


def _shared_name(error: Any) -> str:
    kind = type(error).__name__
    if isinstance(error, Token | Arithmetic | Transactional | Trie):
        return f"{kind}.{variant_name(error.error)}"
    return kind
