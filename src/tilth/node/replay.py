"""A recorded chain replayed: whether a runtime writes, answers and refuses as the recorded one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from tilth.frame import Overlay, Runtime
from tilth.frame.apis import ApplyExtrinsicResult, applied
from tilth.frame.metadata.parts import constants
from tilth.frame.validity import TransactionSource
from tilth.node.recording import (
    DRY_RUN,
    QUESTIONS,
    VALIDATE,
    BadRecording,
    RecordedBlock,
    RecordedExtrinsic,
    Recording,
    Written,
)
from tilth.node.unlike import unlike_event
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.scale import DecodeError, TypeRegistry, codec, u32
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256, Digest, Header, PreRuntime

_SHOWN: Final = 100  # characters of a value that a person still compares


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a runtime went another way than the recorded one."""

    phase: str
    extrinsic: str | None
    """Its label."""
    what: str
    """A storage key in words, or which of the block's parts."""
    recorded: str
    ours: str

    def __str__(self) -> str:
        where = (
            self.phase if self.extrinsic is None else f"{self.phase}, extrinsic {self.extrinsic!r}"
        )
        return f"{where}: {self.what}: recorded {self.recorded}, ours {self.ours}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recorded block."""

    scenario: str
    number: int
    difference: Difference | None


@final
class Replayed:
    """A runtime on one state after another, phase by phase, as a recorder watches it."""

    def __init__(self, runtime: Runtime, state: Trie) -> None:
        self.runtime = runtime
        self.state = state
        self.number = 0

    @property
    def overlay(self) -> Overlay:
        return self.runtime.slot.overlay

    def call(self, method: str, data: bytes) -> bytes:
        """Ask the runtime API at the state."""
        with self.runtime.at(self.state):
            return self.runtime.call(method, data)

    def validate(
        self,
        extrinsic: bytes,
        parent: bytes,
        source: TransactionSource = TransactionSource.EXTERNAL,
    ) -> bytes:
        data = bytes((source,)) + extrinsic + parent
        return self.call(QUESTIONS[VALIDATE], data)

    def begin(self, header: Header) -> Written:
        """Open a block; what that wrote."""
        self.runtime.slot.overlay = Overlay(self.state)
        self.runtime.executive.initialize_block(header)
        return self.overlay.changes()

    def include(self, extrinsic: bytes) -> tuple[bytes, Written]:
        """Apply an extrinsic; the encoded result, and what it wrote."""
        before = self.overlay.changes()
        outcome = applied(self.runtime, self.runtime.format.decode(extrinsic))
        result = self.runtime.codecs.of(ApplyExtrinsicResult).encode(outcome)
        return result, _newer(before, self.overlay.changes())

    def end(self) -> tuple[Header, Written]:
        """Close the block; its header, and what closing wrote before all went into the trie."""
        before = self.overlay.changes()
        header = self.runtime.executive.finalize_block()
        self.state = self.overlay.trie
        return header, _newer(before, self.overlay.folded)


def _newer(before: Written, after: Written) -> Written:
    """What a phase changed of all that the block has written so far."""
    return {key: value for key, value in after.items() if key not in before or before[key] != value}


@dataclass(slots=True)
class _Place:
    """How far a block has come."""

    phase: str = "before the block"
    extrinsic: str | None = None

    def at(self, phase: str, extrinsic: str | None = None) -> None:
        self.phase, self.extrinsic = phase, extrinsic


@final
class Replay:
    """Compares a runtime with a recording, block by block."""

    def __init__(self, runtime: Runtime, recording: Recording) -> None:
        """Raises BadRecording where any file of the folder is not as it should be."""
        self._runtime = runtime
        self._genesis = recording.genesis(runtime.state_layout)
        self._genesis_root = recording.genesis_root()
        self._scenarios = recording.scenarios()
        self._names = {**_declared_names(runtime), **recording.storage_names()}
        self._settings = recording.settings()
        self._events: bytes = runtime.system.events.prefix
        self._header = runtime.codecs.of(Header)
        self._check_headers()

    def _check_headers(self) -> None:
        for scenario, blocks in self._scenarios.items():
            for block in blocks:
                try:
                    self._opening(block)
                    self._header.decode(block.header)
                except DecodeError as error:
                    place = f"{scenario}, block {block.number}"
                    raise BadRecording(f"{place}: not a header of this runtime: {error}") from error

    def _opening(self, block: RecordedBlock) -> Header:
        if block.opening is not None:
            opening: Header = self._header.decode(block.opening)
            return opening
        final = self._header.decode(block.header)
        told_before = tuple(log for log in final.digest.logs if isinstance(log, PreRuntime))
        zero = H256(bytes(32))
        return Header(final.parent_hash, final.number, zero, zero, Digest(told_before))

    def outcomes(self) -> Iterator[Outcome]:
        """Every recorded block. After a difference a scenario goes on from our own state."""
        for scenario, blocks in self._scenarios.items():
            chain = Replayed(self._runtime, self._genesis)
            for block in blocks:
                yield Outcome(scenario, block.number, self._first_difference(chain, block))

    def unlike_settings(self) -> Iterator[str]:
        """Where the runtime is configured otherwise than the recorded one: what to look at first.

        Pallets that are missing here are no fault: their storage may stand as genesis wrote it.
        """
        ours = {pallet.name: pallet for pallet in self._runtime.pallets}
        for name, index in self._settings.pallets.items():
            if name in ours and ours[name].index != index:
                yield f"{name} has index {index}, ours {ours[name].index}"
        extensions = tuple(each.identifier for each in self._runtime.extensions)
        if self._settings.extensions and self._settings.extensions != extensions:
            theirs = ", ".join(self._settings.extensions)
            yield f"its transaction extensions are {theirs}, ours {', '.join(extensions)}"
        own = _constants(self._runtime)
        for name, recorded in self._settings.constants.items():
            if name in own and name != "System.Version" and own[name] != recorded:
                yield f"{name} is 0x{recorded.hex()}, ours 0x{own[name].hex()}"

    def _first_difference(self, chain: Replayed, block: RecordedBlock) -> Difference | None:
        place = _Place()
        try:
            # all of them, so that the block is run to its end
            found = list(self._differences(chain, block, place))
        except Exception as broken:  # noqa: BLE001 - a stranger's runtime fails as it likes
            said = f"{type(broken).__name__}: {broken}"
            return Difference(place.phase, place.extrinsic, "execution", "done", said)
        return found[0] if found else None

    def _differences(
        self, chain: Replayed, block: RecordedBlock, place: _Place
    ) -> Iterator[Difference]:
        before = chain.state
        yield from _unequal(place, self._genesis_roots())
        if block.number != chain.number + 1:
            follows = f"{chain.number + 1}, as the recording skips from {chain.number}"
            yield Difference(place.phase, None, "number of the block", str(block.number), follows)
        chain.number = block.number
        for extrinsic in block.extrinsics:
            place.at("before the block", extrinsic.label)
            yield from _unequal(place, _answers(chain, extrinsic, block.parent))
        place.at("initialize")
        written = chain.begin(self._opening(block))
        yield from self._unequal_writes(place, block.begin_diff, written)
        for extrinsic in block.extrinsics:
            place.at("apply", extrinsic.label)
            result, written = chain.include(extrinsic.data)
            yield from _unequal(place, {"result": (extrinsic.result, result)})
            yield from self._unequal_writes(place, extrinsic.diff, written)
        place.at("finalize")
        header, written = chain.end()
        yield from self._unequal_writes(place, block.end_diff, written)
        place.at("whole block")
        changed = {
            key: value for key, value in chain.overlay.folded.items() if before.get(key) != value
        }
        yield from self._unequal_writes(place, block.state_diff, changed)
        yield from self._unequal_events(place, block.events, chain.state.get(self._events))
        yield from _unequal(place, self._parts(chain, block, header))

    def _genesis_roots(self) -> "_Pairs":
        return {"state root of the genesis": (self._genesis_root, self._genesis.root)}

    def _parts(self, chain: Replayed, block: RecordedBlock, header: Header) -> "_Pairs":
        recorded, ours = self._header.decode(block.header), self._header.encode(header)
        return {
            "state root": (recorded.state_root, header.state_root),
            "state root, noted apart": (block.state_root, header.state_root),
            "extrinsics root": (recorded.extrinsics_root, header.extrinsics_root),
            "extrinsics root, noted apart": (block.extrinsics_root, header.extrinsics_root),
            "header": (block.header, ours),
            "hash": (block.hash, blake2_256(ours)),
        }

    def _unequal_writes(
        self, place: _Place, recorded: Written | None, ours: Written
    ) -> Iterator[Difference]:
        if recorded is None or recorded == ours:
            return
        for key in sorted(recorded.keys() | ours.keys()):
            theirs, mine = _shown_write(recorded, key), _shown_write(ours, key)
            if key == self._events and recorded.get(key) and ours.get(key):
                yield from self._unequal_events(place, recorded.get(key), ours.get(key))
            elif theirs != mine:
                yield Difference(
                    place.phase, place.extrinsic, self.storage_name(key), *_around(theirs, mine)
                )

    def _unequal_events(
        self, place: _Place, recorded: bytes | None, ours: bytes | None
    ) -> Iterator[Difference]:
        ours = ours or b""
        if recorded is None or recorded == ours:
            return
        unlike = unlike_event(self._runtime, recorded, ours)
        if unlike is None:
            yield from _unequal(place, {"events": (recorded, ours)})
        else:
            yield Difference(place.phase, place.extrinsic, *unlike)

    def storage_name(self, key: bytes) -> str:
        """Pallet, item and the rest of the key; a well-known key as the text it is."""
        for prefix, name in self._names.items():
            if key.startswith(prefix):
                return f"{name} {key[len(prefix) :].hex()}".rstrip()
        text = key.decode("latin1")
        return text if text.isascii() and text.isprintable() else f"0x{key.hex()}"


_Pairs: TypeAlias = Mapping[str, tuple[bytes | None, bytes]]
"""What was recorded, if it was, and ours."""


def _unequal(place: _Place, pairs: _Pairs) -> Iterator[Difference]:
    for what, (recorded, ours) in pairs.items():
        if recorded is not None and recorded != ours:
            shown = _around(f"0x{recorded.hex()}", f"0x{ours.hex()}")
            yield Difference(place.phase, place.extrinsic, what, *shown)


def _answers(chain: Replayed, extrinsic: RecordedExtrinsic, parent: bytes) -> _Pairs:
    data = extrinsic.data
    sized = data + codec(u32).encode(len(data))
    pairs: dict[str, tuple[bytes | None, bytes]] = {}
    for name, recorded in extrinsic.answers.items():
        if name == VALIDATE:
            ours = chain.validate(data, parent)
        else:
            ours = chain.call(QUESTIONS[name], data if name == DRY_RUN else sized)
        pairs[name] = recorded, ours
    return pairs


def _shown_write(written: Written, key: bytes) -> str:
    if key not in written:
        return "not written"
    value = written[key]
    return "deleted" if value is None else f"0x{value.hex()}"


def _around(one: str, other: str) -> tuple[str, str]:
    """Both texts, cut to what is around their first difference where they are long."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, same - _SHOWN // 2)
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    end = start + _SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _declared_names(runtime: Runtime) -> dict[bytes, str]:
    return {
        getattr(pallet, item.attribute).prefix: f"{pallet.name}.{item.name}"
        for pallet in runtime.pallets
        for item in pallet.declared.storage
    }


def _constants(runtime: Runtime) -> dict[str, bytes]:
    registry = TypeRegistry(runtime.codecs)
    return {
        f"{pallet.name}.{constant.name}": constant.value
        for pallet in runtime.pallets
        for constant in constants(pallet, registry)
    }
