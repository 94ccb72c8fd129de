"""The Transactions service: taking, refusing and watching, in the words of JSON-RPC."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc
import pytest

from tilth.frame import validity
from tilth.node import pool as pools
from tilth.node.bans import BAN_MS
from tilth.node.pool import Rejected
from tilth.primitives.crypto.dev import BOB
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.types import AccountId, Id
from tilth.rpc.grpc.failures import Failure
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.outcomes import Outcomes
from tilth.rpc.grpc.refusals import failure_of, refusal_of
from tilth.rpc.grpc.submission import Submission
from tilth.rpc.grpc.transactions import TransactionsService
from tilth.rpc.jsonrpc.author import INVALID_TEXT, author_submitExtrinsic
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.v1 import errors_pb2 as errors
from tilth.v1 import transactions_pb2 as pb

NOBODY = "//Nobody"


def refusal_in(error: grpc.aio.AioRpcError) -> errors.Refusal:
    """The typed detail of a failed call."""
    metadata: Any = error.trailing_metadata()
    status = errors.ErrorStatus.FromString(metadata["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    refusal = errors.Refusal()
    assert status.details[0].Unpack(refusal)
    return refusal


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def rest(call: Any) -> list[pb.TransactionStatus]:
    """All statuses that have not been read yet."""
    found = []
    async with asyncio.timeout(10):
        while (status := await call.read()) is not grpc.aio.EOF:
            found.append(status)
    return found


def names(found: list[pb.TransactionStatus]) -> list[str | None]:
    return [status.WhichOneof("status") for status in found]


async def test_a_submitted_transaction_gets_into_a_block(face: Any) -> None:
    extrinsic = face.remark(b"grow")

    answer = await face.transactions.Submit(pb.SubmitRequest(extrinsic=extrinsic))

    assert answer.transaction_hash == blake2_256(extrinsic)
    assert face.node.chain.best.extrinsics[-1] == extrinsic


async def test_a_watched_transaction_is_followed_until_it_is_final(by_hand: Any) -> None:
    extrinsic = by_hand.remark(b"grow")
    watch = by_hand.transactions.SubmitAndWatch(pb.SubmitAndWatchRequest(extrinsic=extrinsic))
    seen = [await watch.read()]
    block = by_hand.build()
    by_hand.build()
    by_hand.build()
    seen += await rest(watch)

    assert names(seen) == ["ready", "in_block", "finalized"]
    assert {status.transaction_hash for status in seen} == {blake2_256(extrinsic)}
    assert seen[1].in_block == seen[2].finalized
    assert seen[1].in_block.block.hash == block.hash
    assert block.extrinsics[seen[1].in_block.index] == extrinsic
    assert not seen[1].in_block.HasField("error")


async def test_a_future_transaction_waits_for_the_one_before_it(face: Any) -> None:
    second = face.transactions.SubmitAndWatch(
        pb.SubmitAndWatchRequest(extrinsic=face.remark(b"2", nonce=1))
    )
    seen = [await second.read()]
    face.node.pool.submit(face.remark(b"1", nonce=0))
    seen += await rest(second)

    assert names(seen) == ["future", "ready", "in_block", "finalized"]


async def test_a_failed_call_is_in_the_block_with_its_error(face: Any) -> None:
    transfer = face.runtime.balances.transfer_allow_death
    too_much = face.signed(transfer.call(Id(AccountId(BOB)), 2 * 10**18))

    seen = await rest(
        face.transactions.SubmitAndWatch(pb.SubmitAndWatchRequest(extrinsic=too_much))
    )

    error = seen[-1].finalized.error
    assert names(seen)[-1] == "finalized"
    assert error.name == "Token.FundsUnavailable"
    assert error.pallet == ""
    assert error.encoded == bytes((7, 0))


async def test_a_pallets_own_error_is_told_by_pallet_name_and_sentence(face: Any) -> None:
    remark = face.runtime.system.remark.call(b"")
    stolen = face.signed(face.runtime.sudo.sudo.call(remark), uri="//Bob")

    seen = await rest(face.transactions.SubmitAndWatch(pb.SubmitAndWatchRequest(extrinsic=stolen)))

    error = seen[-1].finalized.error
    assert (error.pallet, error.name) == ("Sudo", "RequireSudo")
    assert error.message.endswith(".")
    assert error.encoded[:2] == bytes((3, face.runtime.sudo.index))


async def test_a_retracted_transaction_waits_again_and_comes_back(by_hand: Any) -> None:
    genesis = by_hand.node.chain.genesis
    watch = by_hand.transactions.SubmitAndWatch(
        pb.SubmitAndWatchRequest(extrinsic=by_hand.remark(b"grow"))
    )
    seen = [await watch.read()]
    left = by_hand.build()
    longer = by_hand.build(by_hand.build(genesis))
    home = by_hand.build()
    by_hand.build()
    by_hand.build()
    seen += await rest(watch)

    assert longer.parent_hash != left.hash
    told = [status for status in seen if not status.HasField("ready")]
    assert names(told) == ["in_block", "retracted", "in_block", "finalized"]
    assert told[0].in_block.block.hash == told[1].retracted.hash == left.hash
    assert told[2].in_block.block.hash == told[3].finalized.block.hash == home.hash


async def test_a_usurped_transaction_names_its_rival(by_hand: Any) -> None:
    watch = by_hand.transactions.SubmitAndWatch(
        pb.SubmitAndWatchRequest(extrinsic=by_hand.remark(bytes(10_000), nonce=0))
    )
    seen = [await watch.read()]
    rival = by_hand.node.pool.submit(by_hand.remark(b"", nonce=0))
    seen += await rest(watch)

    assert names(seen) == ["ready", "usurped"]
    assert seen[1].usurped == rival


async def test_a_removed_transaction_is_invalid(by_hand: Any) -> None:
    watch = by_hand.transactions.SubmitAndWatch(
        pb.SubmitAndWatchRequest(extrinsic=by_hand.remark())
    )
    seen = [await watch.read()]
    by_hand.node.pool.remove([seen[0].transaction_hash])
    seen += await rest(watch)

    assert names(seen) == ["ready", "invalid"]


BAD: dict[str, tuple[Callable[[Any], bytes], grpc.StatusCode, int]] = {
    "garbage": (
        lambda face: b"\x10garb",
        grpc.StatusCode.INVALID_ARGUMENT,
        errors.REFUSAL_REASON_UNDECODABLE,
    ),
    "nothing": (
        lambda face: b"",
        grpc.StatusCode.INVALID_ARGUMENT,
        errors.REFUSAL_REASON_UNDECODABLE,
    ),
    "forged": (
        lambda face: _forged(face.remark(b"abc")),
        grpc.StatusCode.INVALID_ARGUMENT,
        errors.REFUSAL_REASON_BAD_PROOF,
    ),
    "of one without money": (
        lambda face: face.remark(uri=NOBODY),
        grpc.StatusCode.FAILED_PRECONDITION,
        errors.REFUSAL_REASON_PAYMENT,
    ),
    "of the past": (
        lambda face: _after_one(face, face.remark(nonce=0)),
        grpc.StatusCode.FAILED_PRECONDITION,
        errors.REFUSAL_REASON_STALE,
    ),
}


def _forged(extrinsic: bytes) -> bytes:
    return extrinsic[:-1] + bytes((extrinsic[-1] ^ 1,))


def _after_one(face: Any, extrinsic: bytes) -> bytes:
    face.node.pool.submit(face.remark(b"first", nonce=0))
    face.build()
    return extrinsic


@pytest.mark.parametrize("kind", BAD)
async def test_a_refusal_has_a_code_a_reason_and_json_rpcs_text(by_hand: Any, kind: str) -> None:
    make, code, reason = BAD[kind]
    extrinsic = make(by_hand)

    error = await refused(by_hand.transactions.Submit(pb.SubmitRequest(extrinsic=extrinsic)))
    for _ in range(BAN_MS // 6_000):
        by_hand.node.config.clock.milliseconds()  # it ticks when it is read
    with pytest.raises(RpcError) as json_rpc:
        author_submitExtrinsic(by_hand.node, extrinsic)

    refusal = refusal_in(error)
    assert (error.code(), refusal.reason) == (code, reason)
    assert refusal.message == error.details()
    told_as_panic = json_rpc.value.code == 1002  # in a Rust runtime's words, which are JSON-RPC's
    if json_rpc.value.data is not None and not told_as_panic:
        assert error.details() == json_rpc.value.data


@pytest.mark.parametrize(
    "reason",
    [kind() for kind in INVALID_TEXT if kind is not validity.Custom] + [validity.Custom(7)],
    ids=lambda reason: type(reason).__name__,
)
def test_every_invalidity_has_its_own_reason_and_json_rpcs_text(reason: Any) -> None:
    refusal = refusal_of(Rejected(validity.Invalid(reason)))

    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(reason).__name__).upper()
    assert errors.RefusalReason.Name(refusal.reason) == f"REFUSAL_REASON_{name}"
    assert refusal.message == INVALID_TEXT.get(type(reason), "Custom error: 7")
    assert refusal.HasField("custom_code") == isinstance(reason, validity.Custom)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (validity.CannotLookup(), "CannotLookup"),
        (validity.NoUnsignedValidator(), "NoUnsignedValidator"),
        (validity.UnknownCustom(9), "Custom(9)"),
    ],
)
def test_what_the_runtime_cannot_tell_is_unknown_validity(reason: Any, message: str) -> None:
    refusal = refusal_of(Rejected(validity.Unknown(reason)))

    assert refusal.reason == errors.REFUSAL_REASON_UNKNOWN_VALIDITY
    assert refusal.message == message


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (
            pools.ImmediatelyDropped(),
            errors.REFUSAL_REASON_IMMEDIATELY_DROPPED,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        ),
        (pools.Banned(), errors.REFUSAL_REASON_BANNED, grpc.StatusCode.FAILED_PRECONDITION),
        (pools.NoTags(), errors.REFUSAL_REASON_NO_TAGS, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_the_pools_own_refusals_have_a_code(
    error: pools.PoolError, reason: int, code: grpc.StatusCode
) -> None:
    refusal = refusal_of(error)

    assert refusal.reason == reason
    assert failure_of(refusal).code is code


async def test_a_transaction_that_the_pool_has_exists_already(by_hand: Any) -> None:
    request = pb.SubmitRequest(extrinsic=by_hand.remark())
    known = await by_hand.transactions.Submit(request)

    error = await refused(by_hand.transactions.Submit(request))

    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert refusal_in(error).reason == errors.REFUSAL_REASON_ALREADY_IMPORTED
    assert known.transaction_hash.hex() in str(error.details())


async def test_one_worth_less_does_not_replace_another(by_hand: Any) -> None:
    await by_hand.transactions.Submit(pb.SubmitRequest(extrinsic=by_hand.remark(nonce=0)))
    heavier = by_hand.remark(bytes(10_000), nonce=0)

    error = await refused(by_hand.transactions.Submit(pb.SubmitRequest(extrinsic=heavier)))

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert refusal_in(error).reason == errors.REFUSAL_REASON_TOO_LOW_PRIORITY


async def test_a_refused_transaction_is_not_watched(face: Any) -> None:
    call = face.transactions.SubmitAndWatch(pb.SubmitAndWatchRequest(extrinsic=b""))

    error = await refused(call.read())

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal_in(error).reason == errors.REFUSAL_REASON_UNDECODABLE


async def test_a_stream_answers_each_batch_in_order_and_survives_refusals(face: Any) -> None:
    first, second = face.remark(b"1", nonce=0), face.remark(b"2", nonce=1)
    batches = [[first, b"garbage", second], [], [first]]

    async def requests() -> AsyncIterator[pb.SubmitStreamRequest]:
        for batch in batches:
            yield pb.SubmitStreamRequest(extrinsics=batch)
            await asyncio.sleep(0.05)

    answers = [answer async for answer in face.transactions.SubmitStream(requests())]

    assert [len(answer.outcomes) for answer in answers] == [3, 0, 1]
    taken, garbage, also_taken = answers[0].outcomes
    assert taken.transaction_hash == blake2_256(first)
    assert garbage.refused.reason == errors.REFUSAL_REASON_UNDECODABLE
    assert also_taken.transaction_hash == blake2_256(second)
    assert answers[2].outcomes[0].refused.reason == errors.REFUSAL_REASON_BANNED


async def test_a_large_batch_lets_others_have_their_turn(start: Any) -> None:
    face = await start(limits=GrpcLimits(batch_slice=4))
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    service = TransactionsService(face.node, Outcomes(face.node.chain), GrpcLimits(batch_slice=4))
    outcomes = await service._take([b"garbage"] * 40)
    counting.cancel()

    assert len(outcomes) == 40
    assert turns >= 10


async def test_who_reads_no_statuses_loses_the_watch_and_nobody_else(
    start: Any, manually: Any
) -> None:
    face = await start(sealing=manually, finality_lag=100)
    submission = Submission(face.node, face.remark(), most_waiting=3)
    fork = face.node.chain.genesis
    for _ in range(2):  # included, then retracted by a longer fork
        included, fork = face.build(), face.node.chain.genesis
        while fork.number <= included.number:
            fork = face.build(fork)

    with pytest.raises(Failure) as caught:
        async with asyncio.timeout(10):
            await anext(submission.steps())

    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert face.node.chain.best is fork


async def test_a_watch_that_was_cancelled_keeps_nothing(by_hand: Any) -> None:
    submission = Submission(by_hand.node, by_hand.remark(), most_waiting=3)
    async with aclosing(submission.steps()) as steps:
        await anext(steps)
    by_hand.build()

    assert not submission._waiting
