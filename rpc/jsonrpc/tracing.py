"""state_traceBlock: a block executed again, and what its phases wrote."""

from collections.abc import Mapping
from typing import Final, TypedDict

from tilth.frame import InvalidBlock, Runtime
from tilth.node.block import Block
from tilth.node.replay import Replayed
from tilth.node.service import Node
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.dispatch import fails, unsafe
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.params import Hash
from tilth.rpc.jsonrpc.reading import no_runtime_at
from tilth.rpc.jsonrpc.shapes import hex_of
from tilth.rpc.jsonrpc.state import BAD_RANGE

DEFAULT_TARGETS: Final = "pallet,frame,state"
_EXECUTIVE: Final = "frame_executive"
_STATE: Final = "state"
_NOT_RUN: Final = "Dispatch error: Failed to collect traces and execute block: "


class SpanJson(TypedDict):
    id: int
    parentId: int | None
    name: str
    target: str
    wasm: bool


class TraceData(TypedDict):
    stringValues: dict[str, str]


class TraceEvent(TypedDict):
    target: str
    data: TraceData
    parentId: int | None


class BlockTrace(TypedDict):
    """Hashes and keys without 0x."""

    blockHash: str
    parentHash: str
    tracingTargets: str
    storageKeys: str
    methods: str
    spans: list[SpanJson]
    events: list[TraceEvent]


class TraceBlockResponse(TypedDict):
    blockTrace: BlockTrace


@unsafe
@fails(BAD_RANGE)
def state_traceBlock(
    node: Node,
    block: Hash,
    targets: str | None = None,
    storage_keys: str | None = None,
    methods: str | None = None,
) -> TraceBlockResponse:
    """Execute a block again and tell what each phase of it wrote.

    Spans are those of the executive; events are `Put`, one for each key that a phase changed. Of a
    Rust node's trace the reads, writes that the same phase writes over, `ext_id` and the spans of
    single hooks and calls are left out: this runtime does not record them. As there, no events are
    told where `storage_keys` or `methods` is not given; an empty text lets all pass.
    """
    found = node.chain.block(H256(block))
    if found is None:
        raise _untraced(block, "Missing block component: Header not found")
    parent = node.chain.block(found.parent_hash)
    if parent is None:
        raise _untraced(block, _NOT_RUN + no_runtime_at(found.parent_hash))
    wanted = DEFAULT_TARGETS if targets is None else targets
    trace = _Trace(node.chain.runtimes.at(parent.state), found)
    try:
        trace.run(parent)
    except (InvalidBlock, ValueError) as error:
        raise _untraced(block, f"{_NOT_RUN}{error}") from None
    return {
        "blockTrace": {
            "blockHash": found.hash.hex(),
            "parentHash": found.parent_hash.hex(),
            "tracingTargets": wanted,
            "storageKeys": storage_keys or "",
            "methods": methods or "",
            "spans": [span for span in trace.spans if _matches(wanted, span["target"])],
            "events": [
                event
                for event in trace.events
                if _matches(wanted, event["target"])
                and _passes(storage_keys, event, "key")
                and _passes(methods, event, "method")
            ],
        }
    }


class _Trace:
    """What is noted while a block runs; spans have the names of frame_executive's."""

    def __init__(self, runtime: Runtime, block: Block) -> None:
        self.spans: list[SpanJson] = []
        self.events: list[TraceEvent] = []
        self._runtime = runtime
        self._block = block

    def run(self, parent: Block) -> None:
        whole = self._span("execute_block", None)
        run = Replayed(self._runtime, parent.state)
        with self._runtime.at(parent.state):
            self._note(whole, "init_block", run.begin(self._block.header))
            for data in self._block.extrinsics:
                self._note(whole, "apply_extrinsic", run.include(data)[1])
            self._note(whole, "final_checks", run.end()[1])

    def _span(self, name: str, parent: int | None) -> int:
        id_ = len(self.spans) + 1
        self.spans.append(
            {"id": id_, "parentId": parent, "name": name, "target": _EXECUTIVE, "wasm": False}
        )
        return id_

    def _note(self, parent: int, name: str, written: Mapping[bytes, bytes | None]) -> None:
        span = self._span(name, parent)
        for key, value in written.items():
            values = {"method": "Put", "key": key.hex(), **_shown(value)}
            self.events.append(
                {"target": _STATE, "data": {"stringValues": values}, "parentId": span}
            )


def _shown(value: bytes | None) -> dict[str, str]:
    """primitives/state-machine/src/ext.rs: in Rust's debug form, and in SCALE."""
    if value is None:
        return {"value": "None", "value_encoded": "00"}
    return {"value": f"Some({value.hex()})", "value_encoded": f"01{value.hex()}"}


def _passes(wanted: str | None, event: TraceEvent, member: str) -> bool:
    return wanted is not None and _matches(wanted, event["data"]["stringValues"][member])


def _matches(wanted: str, name: str) -> bool:
    """By the beginning, as sc_tracing; what a target says of levels lets all of ours pass."""
    return any(name.startswith(target.partition("=")[0]) for target in wanted.split(","))


def _untraced(hash: bytes, details: str) -> RpcError:
    return BAD_RANGE(first=f'"{hex_of(hash)}"', last='"None"', details=details)
