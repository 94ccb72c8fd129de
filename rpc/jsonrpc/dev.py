"""dev_*: the tools of a dev chain; the first half takes and answers what chopsticks does."""

from collections.abc import Callable
from typing import Final, NotRequired, TypedDict, TypeVar

from tilth.node.block import Block
from tilth.node.build_mode import BuildMode
from tilth.node.devtools import DevError
from tilth.node.entries import Entries
from tilth.node.plain import Json as Plain
from tilth.node.plain import camel
from tilth.node.service import Node
from tilth.node.trial import BlockRun, Diff, Invalid, Trial
from tilth.primitives.scale import DecodeError
from tilth.rpc.jsonrpc.dev_params import (
    FAULT,
    account_of,
    block_at,
    count_of,
    header_of,
    integer,
    items_of,
    moment_of,
    options_of,
    unhexed,
)
from tilth.rpc.jsonrpc.dispatch import fails, unsafe
from tilth.rpc.jsonrpc.params import U64, Hash, Json
from tilth.rpc.jsonrpc.schema import HashText, HexText
from tilth.rpc.jsonrpc.shapes import hex_of, optional_hex

T = TypeVar("T")

MOST_BLOCKS: Final = 10_000

_RELAYED: Final = frozenset(
    ("dmp", "ump", "hrmp", "relayChainStateOverrides", "relayParentNumber", "unsafeBlockHeight")
)


class Differences(TypedDict):
    """Storage by name before and after, and jsondiffpatch's delta between the two."""

    old: dict[str, Plain]
    new: dict[str, Plain]
    delta: Plain


class PhaseJson(TypedDict):
    """What a phase of a block changes."""

    phase: str | int
    storageDiff: list[dict[str, Plain]]
    logs: list[Plain]


class RunJson(TypedDict):
    """What a block changes, phase by phase, and what it says."""

    phases: list[PhaseJson]
    blockDetails: NotRequired[dict[str, Plain]]


class ReorgJson(TypedDict):
    """The new best block, what left the best chain, highest first, and what joined it."""

    hash: HashText
    retracted: list[HashText]
    enacted: list[HashText]


@unsafe
@fails(FAULT)
def dev_newBlock(node: Node, params: Json = None) -> HashText:
    """Make blocks and answer the last one's hash: `count` of them, or up to the height `to`.

    They hold what is ready in the pool; where `transactions` are given, the first holds these
    alone.
    """
    options = options_of(params, "count", "to", "transactions", *_RELAYED)
    for name in _RELAYED & options.keys():
        raise FAULT(reason=f"{name} means nothing here: blocks are numbered in turn, by no relay")
    transactions = [unhexed(each) for each in items_of(options, "transactions")]
    count, to = count_of(options, "count") or 1, count_of(options, "to")
    _check_count(count if to is None else to - node.chain.best.number)
    return _done(node, lambda: node.dev.new_block(count, to=to, transactions=transactions))


@unsafe
@fails(FAULT)
def dev_setStorage(node: Node, values: Json, block_hash: Hash | None = None) -> HashText:
    """Write storage, as `{Pallet: {Item: value, Map: [[[key], value]]}}` or `[[key, value]]`.

    It stands in an empty block upon the best one, or upon the one named, whose hash is answered.
    """
    block = None if block_hash is None else block_at(node, block_hash)
    return _done(node, lambda: node.dev.set_storage(values, block), prefix="Error: ")


@unsafe
@fails(FAULT)
def dev_timeTravel(node: Node, date: Json) -> int:
    """Make an empty block of this time, and let time go on from there; answers it in ms."""
    moment = moment_of(date)
    _done(node, lambda: node.dev.time_travel(moment))
    return moment


@unsafe
@fails(FAULT)
def dev_setHead(node: Node, hash_or_number: Json) -> HashText:
    """Make a known block the best one, by its hash or height; 0 or less counts back from here."""
    if isinstance(hash_or_number, str):
        to: Block | int = block_at(node, unhexed(hash_or_number))
    else:
        to = integer(hash_or_number)
    return _done(node, lambda: node.dev.set_head(to))


@unsafe
@fails(FAULT)
def dev_setBlockBuildMode(node: Node, mode: Json) -> None:
    """When blocks are made: Batch (0), Instant (1) or Manual (2)."""
    try:
        chosen = BuildMode[mode.upper()] if isinstance(mode, str) else BuildMode(mode)
    except (KeyError, ValueError):
        raise FAULT(reason=f"Invalid mode {mode}") from None
    _run(lambda: node.dev.set_build_mode(chosen))


@unsafe
@fails(FAULT)
def dev_dryRun(node: Node, params: Json) -> Differences | list[tuple[HexText, HexText | None]]:
    """What an `extrinsic` would write in the next block, or in the one after `at`.

    It is hex, or `{call, address}` for a call without a signature; with `raw` the answer is pairs
    of key and value.
    """
    options = options_of(params, "extrinsic", "at", "raw", "html", "dmp", "ump", "hrmp")
    if "extrinsic" not in options:
        raise FAULT(reason="No extrinsic to run")
    if options.get("html"):
        raise FAULT(reason="no page is drawn here: ask for old, new and delta, or for raw")
    block = block_at(node, unhexed(options["at"])) if "at" in options else node.chain.best
    trial = _run(lambda: node.dev.trial(block))
    changed = _tried(lambda: _dry_run(trial, options["extrinsic"]))
    if options.get("raw"):
        return [(hex_of(key), optional_hex(value)) for key, value in changed.items()]
    old = trial.entries.as_object((key, block.state.get(key)) for key in changed)
    new = trial.entries.as_object(changed.items())
    return {"old": old, "new": new, "delta": _delta(old, new)}


@unsafe
@fails(FAULT)
def dev_runBlock(node: Node, params: Json) -> RunJson:
    """What a block's extrinsics, inherents among them, would change upon the best block, or upon
    `parent`; with `includeParsed` by name, with `includeBlockDetails` also what it says.
    """
    options = options_of(
        params, "block", "parent", "includeRaw", "includeParsed", "includeBlockDetails"
    )
    given = options_of(options.get("block"), "header", "extrinsics")
    parent = node.chain.best
    if "parent" in options:
        parent = block_at(node, unhexed(options["parent"]))
    header, extrinsics = header_of(given.get("header")), items_of(given, "extrinsics")
    trial = _run(lambda: node.dev.trial(parent))
    run = _tried(lambda: trial.block(header, [unhexed(each) for each in extrinsics]))
    shown = _shown(
        run,
        trial.entries,
        raw=options.get("includeRaw", True),
        parsed=options.get("includeParsed", False),
    )
    return {**shown, "blockDetails": run.details} if options.get("includeBlockDetails") else shown


@unsafe
@fails(FAULT)
def dev_mine(node: Node, count: U64 = 1, interval: U64 | None = None) -> HashText:
    """Make so many blocks, `interval` ms apart; answers the last one's hash."""
    _check_count(count)
    return _done(node, lambda: node.dev.mine(count, interval_ms=interval))


@unsafe
@fails(FAULT)
def dev_automine(node: Node, enabled: bool) -> None:
    """Make blocks as the node was started to, or none until one is asked for."""
    _run(lambda: node.dev.automine(enabled))


@unsafe
@fails(FAULT)
def dev_setNextTimestamp(node: Node, timestamp: U64) -> None:
    """The time of the next block, in ms since 1970; time goes on from there."""
    _run(lambda: node.dev.set_next_timestamp(timestamp))


@unsafe
@fails(FAULT)
def dev_setBalance(node: Node, account: str, amount: Json) -> HashText:
    """What the account shall have free, in planck, as a number or decimal or hex text."""
    who, free = account_of(account), integer(amount)
    return _done(node, lambda: node.dev.set_balance(who, free))


@unsafe
@fails(FAULT)
def dev_snapshot(node: Node) -> HexText:
    """Remember blocks, pool and time as they are now; answers what `dev_revert` takes."""
    return hex(_run(lambda: node.dev.snapshot()))


@unsafe
@fails(FAULT)
def dev_revert(node: Node, id: Json) -> HashText:
    """Return to a snapshot, again and again if need be; answers the hash of its best block."""
    snapshot = integer(id)
    return _done(node, lambda: node.dev.revert(snapshot))


@unsafe
@fails(FAULT)
def dev_reorg(node: Node, params: Json) -> ReorgJson:
    """Replace the last `depth` blocks by a fork that is one longer.

    Its first block holds the `transactions` given. What was in the blocks replaced goes back to
    the pool, unless `keep` is false.
    """
    options = options_of(
        {"depth": params} if type(params) is int else params, "depth", "transactions", "keep"
    )
    depth, keep = count_of(options, "depth"), options.get("keep", True)
    transactions = [unhexed(each) for each in items_of(options, "transactions")]
    if depth is None:
        raise FAULT(reason="depth is missing: how many blocks shall be replaced?")
    moved = _run(lambda: node.dev.reorg(depth, transactions=transactions, keep=bool(keep)))
    return {
        "hash": hex_of(node.chain.best.hash),
        "retracted": [hex_of(block.hash) for block in moved.retracted],
        "enacted": [hex_of(block.hash) for block in moved.enacted],
    }


@unsafe
@fails(FAULT)
def dev_impersonate(node: Node, account: str) -> None:
    """Let any signature of the account do, from now on."""
    who = account_of(account)
    _run(lambda: node.dev.impersonate(who))


@unsafe
@fails(FAULT)
def dev_stopImpersonating(node: Node, account: str) -> None:
    """Ask the account for its signature again."""
    who = account_of(account)
    _run(lambda: node.dev.stop_impersonating(who))


def _check_count(count: int) -> None:
    """Nobody else is answered, and nothing stops the node, while blocks are made."""
    if count > MOST_BLOCKS:
        raise FAULT(reason=f"{count} blocks are too many at once: ask for {MOST_BLOCKS} or fewer")


def _run(act: Callable[[], T]) -> T:
    try:
        return act()
    except DevError as error:
        raise FAULT(reason=str(error)) from error


def _done(node: Node, act: Callable[[], Block], *, prefix: str = "") -> str:
    try:
        return hex_of(act().hash)
    except DevError as error:
        raise FAULT(reason=f"{prefix}{error}") from error


def _tried(act: Callable[[], T]) -> T:
    """An error of validity in the form in which @polkadot/types writes it."""
    try:
        return act()
    except Invalid as invalid:
        kind, reason = type(invalid.error).__name__, type(invalid.error.reason).__name__
        text = f'{{"{camel(kind)}":{{"{camel(reason)}":null}}}}'
        raise FAULT(reason=text) from None
    except DecodeError as error:
        raise FAULT(reason=f"no extrinsic of this runtime: {error}") from None


def _dry_run(trial: Trial, extrinsic: Plain) -> Diff:
    if isinstance(extrinsic, dict):
        call = options_of(extrinsic, "call", "address")
        return trial.call(unhexed(call.get("call")), account_of(call.get("address")))
    return trial.extrinsic(unhexed(extrinsic))


def _shown(run: BlockRun, entries: Entries, *, raw: bool, parsed: bool) -> RunJson:
    return {
        "phases": [
            {
                "phase": phase,
                "storageDiff": [
                    _change(entries, key, value, raw=raw, parsed=parsed)
                    for key, value in changed.items()
                ],
                "logs": [],
            }
            for phase, changed in run.phases
        ]
    }


def _change(
    entries: Entries, key: bytes, value: bytes | None, *, raw: bool, parsed: bool
) -> dict[str, Plain]:
    change: dict[str, Plain] = {}
    if raw:
        change["raw"] = {"key": hex_of(key), "value": optional_hex(value)}
    entry = entries.entry(key, value) if parsed else None
    if entry is not None:
        change["parsed"] = {
            "section": entry.section,
            "method": entry.method,
            "key": entry.key,
            "value": entry.value,
        }
    return change


def _delta(old: Plain, new: Plain) -> Plain:
    """jsondiffpatch's form: [new] is added, [old, new] changed, [old, 0, 0] gone."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [old, new]
    found: dict[str, Plain] = {}
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            found[name] = [old[name], 0, 0]
        elif name not in old:
            found[name] = [new[name]]
        elif old[name] != new[name]:
            found[name] = _delta(old[name], new[name])
    return found
