"""Trials: what a transaction or a whole block would do to a state, which stays as it is."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from tilth.frame import Extrinsic, InvalidTransactionError, Overlay, Runtime
from tilth.node.author import Author
from tilth.node.block import Block
from tilth.node.entries import Entries
from tilth.node.impersonation import mock_signature
from tilth.node.plain import Json, Plain
from tilth.primitives.crypto.hashing import twox_128
from tilth.primitives.trie import Trie
from tilth.primitives.types import AccountId, Header, Sr25519

Diff: TypeAlias = dict[bytes, bytes | None]
"""Keys that were written, with their new value; None where it was deleted."""

_EVENTS: Final = twox_128(b"System") + twox_128(b"Events")
_NOW: Final = twox_128(b"Timestamp") + twox_128(b"Now")
# chopsticks leaves these out of a block's differences: they are large and say nothing new
_LEFT_OUT: Final = (_EVENTS, twox_128(b"System") + twox_128(b"ExtrinsicData"))


class Invalid(Exception):
    """The transaction may not be included; `error` is the runtime's own."""

    def __init__(self, error: Any) -> None:
        self.error = error
        super().__init__(str(error))


class Trial:
    """Runs on the state after one block, with the runtime that is in force there."""

    def __init__(self, runtime: Runtime, author: Author, block: Block) -> None:
        self._runtime = runtime
        self._author = author
        self._block = block
        self.entries = Entries(runtime)

    def extrinsic(self, data: bytes) -> Diff:
        """What it writes as the next block's first transaction; raises Invalid, DecodeError."""
        extrinsic = self._runtime.format.decode(data)
        return self._applied(extrinsic, verified=False)

    def call(self, call: bytes, account: AccountId) -> Diff:
        """The same for a call as if the account had signed it."""
        with self._opened():
            nonce = self._runtime.system.account_nonce(account)
        extrinsic = self._runtime.format.decode(self._as_signed(call, account, nonce))
        extrinsic.signer = account
        return self._applied(extrinsic, verified=True)

    def _as_signed(self, call: bytes, account: AccountId, nonce: int) -> bytes:
        pipeline = self._runtime.pipeline
        carried = pipeline.explicit.encode(pipeline.values_for(nonce))
        return self._runtime.format.signed(account, Sr25519(mock_signature()), carried + call)

    @contextmanager
    def _opened(self) -> Iterator[Overlay]:
        """The next block, begun."""
        calendar = self._author.calendar
        moment = max(calendar.now, calendar.moment_of(self._block) + calendar.step)
        with self._runtime.at(self._block.state) as overlay:
            self._author.open(self._runtime, self._block, moment)
            yield overlay

    def _applied(self, extrinsic: Extrinsic, *, verified: bool) -> Diff:
        with self._opened() as overlay:
            mark = overlay.mark()
            self._apply(extrinsic, verified=verified)
            return overlay.written_since(mark)

    def _apply(self, extrinsic: Extrinsic, *, verified: bool = False) -> None:
        try:
            self._runtime.executive.apply_extrinsic(extrinsic, verified=verified)
        except InvalidTransactionError as error:
            raise Invalid(error.error) from error

    def block(self, header: Header, extrinsics: Iterable[bytes]) -> "BlockRun":
        """Execute a block, whatever roots its header has; raises Invalid, DecodeError."""
        executive = self._runtime.executive
        decoded = [self._runtime.format.decode(data) for data in extrinsics]
        with self._runtime.at(self._block.state) as overlay:
            run = BlockRun(self._runtime, overlay)
            executive.initialize_block(header)
            run.note("Initialization", overlay.changes())
            for index, extrinsic in enumerate(decoded):
                self._apply(extrinsic)
                run.note(index, overlay.changes())
            executive.finalize_block()
            run.note("Finalization", overlay.folded)
            run.describe(decoded, overlay.trie)
        return run


class BlockRun:
    """What each phase of a block changed, and what the block says in words."""

    def __init__(self, runtime: Runtime, overlay: Overlay) -> None:
        self.phases: list[tuple[str | int, Diff]] = []
        """Initialization, the index of each extrinsic, Finalization."""
        self.details: dict[str, Json] = {}
        self._runtime = runtime
        self._plain = Plain(runtime)
        self._base = overlay.trie
        self._before: Diff = {}

    def note(self, phase: str | int, written: Diff) -> None:
        """Close a phase; `written` is all that the block has written so far."""
        changed = {
            key: value
            for key, value in written.items()
            if value != (self._before[key] if key in self._before else self._base.get(key))
            and not key.startswith(_LEFT_OUT)
        }
        self.phases.append((phase, changed))
        self._before = dict(written)

    def describe(self, extrinsics: list[Extrinsic], state: Trie) -> None:
        records: list[Any] = []
        if (stored := state.get(_EVENTS)) is not None:
            records = list(self._runtime.system.events.value.decode(stored))
        events = [self._event(record) for record in records]
        failed = {e["phase"] for e in events if e["method"] == "ExtrinsicFailed"}
        now = state.get(_NOW)
        self.details = {
            "timestamp": None if now is None else str(int.from_bytes(now, "little")),
            "events": events,
            "extrinsics": [
                self._extrinsic(each, success=index not in failed)
                for index, each in enumerate(extrinsics)
            ],
        }

    def _event(self, record: Any) -> dict[str, Json]:
        event = self._plain.event(record.event)
        index = getattr(record.phase, "index", None)
        return {
            "phase": type(record.phase).__name__ if index is None else index,
            "section": event["section"],
            "method": event["method"],
            "args": list(event["data"].values()),
            "argObj": event["data"],
        }

    def _extrinsic(self, extrinsic: Extrinsic, *, success: bool) -> dict[str, Json]:
        call = self._plain.call(extrinsic.call)
        return {
            "section": call["section"],
            "method": call["method"],
            "args": list(call["args"].values()),
            "argObj": call["args"],
            "success": success,
            "signer": None if extrinsic.signer is None else f"0x{extrinsic.signer.hex()}",
        }
