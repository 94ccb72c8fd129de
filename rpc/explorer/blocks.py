"""Blocks in words: what each extrinsic calls, what came of it, and which events tell so."""

from collections import OrderedDict
from typing import Any, Final, TypedDict, final

from tilth.frame import Extrinsic, Runtime
from tilth.node.block import Block
from tilth.node.chain import Chain
from tilth.node.plain import Json, camel
from tilth.primitives.crypto.hashing import blake2_256, twox_128
from tilth.primitives.scale import DecodeError
from tilth.primitives.types import H256
from tilth.rpc.explorer.words import Words

_NOW: Final = twox_128(b"Timestamp") + twox_128(b"Now")
_EVENTS: Final = twox_128(b"System") + twox_128(b"Events")
_REMEMBERED: Final = 256
_TOLD_CALLS: Final = 4


class EventJson(TypedDict):
    """An event; `phase` is the index of its extrinsic, or the name of the phase."""

    phase: int | str
    section: str
    method: str
    data: dict[str, Any]
    docs: str


class ExtrinsicJson(TypedDict):
    """An extrinsic; `section` is empty where nothing here can read it."""

    index: int
    hash: str
    size: int
    section: str
    method: str
    docs: str
    args: dict[str, Any]
    signer: str | None
    nonce: int | None
    tip: str | None
    fee: str | None
    inherent: bool
    success: bool
    error: str | None


class BlockRow(TypedDict):
    """A block in a list; `calls` are those that somebody sent, not the author's own."""

    number: int
    hash: str
    time: int | None
    extrinsics: int
    sent: int
    events: int
    calls: list[str]
    final: bool


class BlockCard(TypedDict):
    """A block with all that happened in it."""

    row: BlockRow
    parent: str
    child: str | None
    onBestChain: bool
    stateRoot: str
    extrinsicsRoot: str
    digest: list[str]
    extrinsics: list[ExtrinsicJson]
    events: list[EventJson]


class _Read:
    """A block once it was decoded, which never has to be done again."""

    __slots__ = ("events", "extrinsics", "row")

    def __init__(
        self, row: BlockRow, extrinsics: list[ExtrinsicJson], events: list[EventJson]
    ) -> None:
        self.row = row
        self.extrinsics = extrinsics
        self.events = events


@final
class BlockBook:
    """Decodes blocks, each by the runtime that executed it, and remembers the last ones."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._read: OrderedDict[H256, _Read] = OrderedDict()

    def rows(self, before: int, count: int) -> list[BlockRow]:
        """Blocks of the best chain below a height, the highest first."""
        first = max(before - count, 0)
        blocks = (self._chain.at(number) for number in range(before - 1, first - 1, -1))
        return [self.row(block) for block in blocks if block is not None]

    def row(self, block: Block) -> BlockRow:
        """Whether a block is final may change; all else is as it was read."""
        return {**self._of(block).row, "final": self._chain.is_final(block)}

    def card(self, block: Block) -> BlockCard:
        read, header = self._of(block), block.header
        on_best = self._chain.hash_at(block.number) == block.hash
        child = self._chain.hash_at(block.number + 1) if on_best else None
        return {
            "row": self.row(block),
            "parent": _hex(block.parent_hash),
            "child": None if child is None else _hex(child),
            "onBestChain": on_best,
            "stateRoot": _hex(header.state_root),
            "extrinsicsRoot": _hex(header.extrinsics_root),
            "digest": [type(item).__name__ for item in header.digest.logs],
            "extrinsics": read.extrinsics,
            "events": read.events,
        }

    def index_of(self, block: Block, hash: bytes) -> int | None:
        """Which of the block's extrinsics has this hash."""
        wanted = _hex(hash)
        hashes = (each["hash"] for each in self._of(block).extrinsics)
        return next((at for at, each in enumerate(hashes) if each == wanted), None)

    def _of(self, block: Block) -> _Read:
        read = self._read.pop(block.hash, None) or self._decode(block)
        self._read[block.hash] = read
        if len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
        return read

    def _decode(self, block: Block) -> _Read:
        parent = self._chain.block(block.parent_hash)
        runtime = self._chain.runtimes.at((parent or block).state)
        records, words = _records(runtime, block), Words(runtime)
        events = [_event(words, record) for record in records]
        extrinsics = [
            _extrinsic(runtime, words, index, data, [r for r in records if _index(r) == index])
            for index, data in enumerate(block.extrinsics)
        ]
        sent = [each for each in extrinsics if not each["inherent"]]
        row: BlockRow = {
            "number": block.number,
            "hash": _hex(block.hash),
            "time": _time(block),
            "extrinsics": len(extrinsics),
            "sent": len(sent),
            "events": len(events),
            "calls": [f"{each['section']}.{each['method']}" for each in sent[:_TOLD_CALLS]],
            "final": False,
        }
        return _Read(row, extrinsics, events)


def _time(block: Block) -> int | None:
    now = block.state.get(_NOW)
    return None if now is None else int.from_bytes(now, "little")


def _records(runtime: Runtime, block: Block) -> list[Any]:
    stored = block.state.get(_EVENTS)
    try:
        return [] if stored is None else list(runtime.system.events.value.decode(stored))
    except DecodeError:
        return []


def _index(record: Any) -> int | None:
    found: int | None = getattr(record.phase, "index", None)
    return found


def _event(words: Words, record: Any) -> EventJson:
    index, told = _index(record), words.event(record.event)
    return {
        "phase": type(record.phase).__name__ if index is None else index,
        "section": told["section"],
        "method": told["method"],
        "data": told["data"],
        "docs": _sentence(type(record.event.event)),
    }


def _sentence(kind: type) -> str:
    """What a class says of itself, if anybody wrote it."""
    text = " ".join((kind.__doc__ or "").split())
    return "" if text.startswith(f"{kind.__name__}(") else text


def _extrinsic(
    runtime: Runtime, words: Words, index: int, data: bytes, records: list[Any]
) -> ExtrinsicJson:
    error = _error(runtime, records)
    told: ExtrinsicJson = {
        "index": index,
        "hash": _hex(blake2_256(data)),
        "size": len(data),
        "section": "",
        "method": "",
        "docs": "",
        "args": {},
        "signer": None,
        "nonce": None,
        "tip": None,
        "fee": _fee(records),
        "inherent": False,
        "success": error is None,
        "error": error,
    }
    try:
        extrinsic = runtime.format.decode(data)
    except ValueError:
        return told
    call: dict[str, Json] = words.call(extrinsic.call)
    told["section"], told["method"], told["args"] = call["section"], call["method"], call["args"]
    told["docs"] = _docs(runtime, extrinsic)
    told["signer"] = _signer(runtime, words, extrinsic)
    told["inherent"] = runtime.is_inherent(extrinsic)
    told["nonce"] = _extended(extrinsic, "nonce")
    tip = _extended(extrinsic, "tip")
    told["tip"] = None if tip is None else str(tip)
    return told


def _extended(extrinsic: Extrinsic, name: str) -> int | None:
    """What the extension that has such a field says."""
    values = (getattr(value, name, None) for value in extrinsic.values or ())
    return next((int(value) for value in values if value is not None), None)


def _signer(runtime: Runtime, words: Words, extrinsic: Extrinsic) -> str | None:
    if extrinsic.address is None:
        return None
    account = runtime.lookup(extrinsic.address)
    return None if account is None else words.account(account)


def _docs(runtime: Runtime, extrinsic: Extrinsic) -> str:
    pallet = runtime.by_index[extrinsic.call.method.pallet_index]
    name = extrinsic.call.method.name
    declared = next(each for each in pallet.declared.calls if each.name == name)
    return " ".join(" ".join(declared.docs).split())


def _error(runtime: Runtime, records: list[Any]) -> str | None:
    failed = _named(records, "system", "ExtrinsicFailed")
    return None if failed is None else runtime.explain(failed.dispatch_error)


def _fee(records: list[Any]) -> str | None:
    paid = _named(records, "transactionPayment", "TransactionFeePaid")
    return None if paid is None else str(paid.actual_fee)


def _named(records: list[Any], section: str, method: str) -> Any:
    """The first event of this name."""
    for record in records:
        event = record.event
        if camel(event.pallet) == section and type(event.event).__name__ == method:
            return event.event
    return None


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
