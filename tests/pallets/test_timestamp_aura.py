"""Timestamp and Aura: each block tells its time once, within the slot that its author has."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from tilth.frame import (
    BAD_ORIGIN,
    NOBODY,
    AccountId,
    Compact,
    DispatchFailure,
    InvalidBlock,
    Runtime,
    Weight,
    codec,
    signed,
    u64,
)
from tilth.pallets.aura import Aura
from tilth.pallets.session import Session
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.pallets.timestamp import Timestamp
from tilth.primitives.types import H256, Digest, Header, PreRuntime

SLOT_MS = 6_000
KEYS = (b"\x01" * 32, b"\x02" * 32)


class Clock(Runtime):
    types: ClassVar[Mapping[object, object]] = {}

    def __init__(self, *, several_in_a_slot: bool = False) -> None:
        super().__init__()
        weights = BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1))
        length = BlockLength.max_with_normal_ratio(5 * 1024 * 1024)
        self.frame_system = self.add(0, System(block_weights=weights, block_length=length))
        self.system = self.frame_system
        aura = Aura(
            system=self.frame_system,
            slot_duration=SLOT_MS,
            allow_multiple_blocks_per_slot=several_in_a_slot,
        )
        self.timestamp = self.add(1, Timestamp(minimum_period=SLOT_MS // 2, on_timestamp_set=aura))
        self.aura = self.add(2, aura)
        self.session = self.add(3, Session(accounts=self.frame_system.accounts))
        self.extensions = ()


def header(slot: int, number: int = 1) -> Header:
    zero = H256(bytes(32))
    digest = Digest((PreRuntime(b"aura", codec(u64).encode(slot)),))
    return Header(zero, number, zero, zero, digest)


@pytest.fixture
def clock() -> Iterator[Clock]:
    runtime = Clock()
    with runtime.at(runtime.build_genesis({"Aura": {"authorities": KEYS}})):
        runtime.executive.initialize_block(header(slot=10))
        yield runtime


def inherent(moment: int) -> dict[bytes, bytes]:
    return {b"timstap0": codec(u64).encode(moment)}


def test_the_time_is_told_once(clock: Clock) -> None:
    clock.timestamp.set.call(60_000).dispatch(NOBODY)
    assert clock.timestamp.now.get() == 60_000

    with pytest.raises(AssertionError, match="only once"):
        clock.timestamp.set.call(60_001).dispatch(NOBODY)


def test_a_block_without_its_time_cannot_end(clock: Clock) -> None:
    with pytest.raises(AssertionError, match="updated once"):
        clock.executive.finalize_block()


def test_nobody_but_the_author_tells_the_time(clock: Clock) -> None:
    with pytest.raises(DispatchFailure) as failure:
        clock.timestamp.set.call(60_000).dispatch(signed(AccountId(bytes(32))))

    assert failure.value.reason == BAD_ORIGIN


def test_time_goes_on_by_the_minimum_at_least(clock: Clock) -> None:
    clock.timestamp.now.put(59_000)

    with pytest.raises(AssertionError, match="MinimumPeriod"):
        clock.timestamp.set.call(61_999).dispatch(NOBODY)
    clock.timestamp.set.call(62_000).dispatch(NOBODY)


def test_the_time_lies_in_the_blocks_slot(clock: Clock) -> None:
    for moment in (59_999, 66_000):
        with pytest.raises(AssertionError, match="slot"):
            clock.timestamp.set(None, moment)
        clock.timestamp.did_update.kill()


def test_an_authors_clock_becomes_the_inherent(clock: Clock) -> None:
    (call,) = clock.create_inherents(inherent(61_000))
    assert call == clock.timestamp.set.call(61_000)

    clock.timestamp.now.put(60_000)
    (call,) = clock.create_inherents(inherent(61_000))
    assert call == clock.timestamp.set.call(63_000)


def test_a_block_from_the_future_is_refused(clock: Clock) -> None:
    def problem(moment: int, now: int) -> str | None:
        block = clock.format.unsigned(clock.timestamp.set.call(moment))
        return clock.check_inherents([block], inherent(now))

    assert problem(60_000, 30_000) is None
    assert problem(60_001, 30_000) == "the block is too far in the future"
    clock.timestamp.now.put(60_000)
    assert problem(62_999, 60_000) == "the block comes too soon after its parent"


def test_slots_only_rise(clock: Clock) -> None:
    with pytest.raises(AssertionError, match="must increase"):
        clock.executive.initialize_block(header(slot=10, number=2))
    clock.executive.initialize_block(header(slot=11, number=2))
    assert clock.aura.current_slot.get() == 11


def test_a_dev_chain_may_have_several_blocks_in_a_slot() -> None:
    runtime = Clock(several_in_a_slot=True)
    with runtime.at(runtime.build_genesis({})):
        runtime.executive.initialize_block(header(slot=10))
        runtime.executive.initialize_block(header(slot=10, number=2))
        with pytest.raises(AssertionError, match="not decrease"):
            runtime.executive.initialize_block(header(slot=9, number=3))


def test_a_wrong_slot_makes_a_block_invalid(clock: Clock) -> None:
    with pytest.raises(InvalidBlock, match="Slot must increase"):
        clock.executive.execute_block(header(slot=10, number=2), [])


def test_authors_ask_for_slot_and_authorities(clock: Clock) -> None:
    assert clock.call("AuraApi_slot_duration", b"") == codec(u64).encode(SLOT_MS)
    assert clock.call("AuraApi_authorities", b"") == codec(Compact[u64]).encode(2) + b"".join(KEYS)


def test_nobody_is_an_authority_twice(clock: Clock) -> None:
    clock.aura.authorities.put((KEYS[0], KEYS[0]))

    with pytest.raises(AssertionError, match="twice"):
        clock.try_state()


def test_genesis_names_the_validators() -> None:
    runtime = Clock()
    accounts = [AccountId(key) for key in KEYS]

    with runtime.at(runtime.build_genesis({"Session": {"validators": accounts}})):
        assert runtime.session.validators.get() == tuple(accounts)
        assert runtime.session.current_index.get() == 0
