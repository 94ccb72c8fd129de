"""What a runtime forbids to everybody but root, and how deeply calls may nest in each other."""

from collections.abc import Iterator
from typing import Any

import pytest

from tilth.frame import (
    ROOT,
    AccountId,
    DispatchFailure,
    Origin,
    RuntimeCall,
    SignedCaller,
    signed,
)
from tilth.frame.errors import Transactional, TransactionalError
from tilth.pallets.proxy.types import ProxyExecuted
from tilth.pallets.sudo.pallet import SudoAsDone
from tilth.pallets.system.events import Error, Remarked
from tilth.pallets.utility.pallet import BatchInterrupted, DispatchedAs
from tilth.primitives.scale import Err
from tilth.primitives.types import H256, Digest, Header, Id
from tilth.runtime import DevRuntime
from tilth.runtime.powers import ProxyType
from tilth.runtime.units import UNIT

ALICE, BOB = (AccountId(bytes((number,)) * 32) for number in (1, 2))


class QuietRuntime(DevRuntime):
    """Nobody but root may leave a remark that is told."""

    def __init__(self) -> None:
        super().__init__()
        self.base_call_filter = lambda call: call.method.name != "remark_with_event"


@pytest.fixture(scope="module")
def quiet() -> QuietRuntime:
    return QuietRuntime()


@pytest.fixture
def runtime(quiet: QuietRuntime) -> Iterator[QuietRuntime]:
    endowed = [(ALICE, 1000 * UNIT), (BOB, 1000 * UNIT)]
    config = {"Balances": {"balances": endowed}, "Sudo": {"key": ALICE}}
    with quiet.at(quiet.build_genesis(config)):
        zero = H256(bytes(32))
        quiet.executive.initialize_block(Header(zero, 1, zero, zero, Digest(())))
        yield quiet


def told(runtime: QuietRuntime, call: RuntimeCall, origin: Origin, kind: type) -> list[Any]:
    runtime.system.events.kill()
    call.dispatch(origin)
    events = [record.event.event for record in runtime.system.events.get()]
    return [event for event in events if type(event) is kind]


def test_a_filtered_call_fails_for_everybody_but_root(runtime: QuietRuntime) -> None:
    remark = runtime.system.remark_with_event.call(b"")

    with pytest.raises(DispatchFailure) as failure:
        remark.dispatch(signed(ALICE))
    assert failure.value.reason is Error.CALL_FILTERED
    with pytest.raises(DispatchFailure, match="BadOrigin"):
        remark.dispatch(ROOT)


def test_the_filter_holds_within_other_calls(runtime: QuietRuntime) -> None:
    remark = runtime.system.remark_with_event.call(b"")
    filtered = runtime.dispatch_error(Error.CALL_FILTERED)
    runtime.proxy.add_proxy.call(Id(BOB), ProxyType.ANY, 0).dispatch(signed(ALICE))
    by_proxy = runtime.proxy.proxy.call(Id(ALICE), None, remark)

    batch = runtime.utility.batch.call((remark,))
    assert told(runtime, batch, signed(ALICE), BatchInterrupted) == [BatchInterrupted(0, filtered)]
    assert told(runtime, by_proxy, signed(BOB), ProxyExecuted) == [ProxyExecuted(Err(filtered))]
    for call in (
        runtime.utility.as_derivative.call(0, remark),
        runtime.multisig.as_multi_threshold_1.call((BOB,), remark),
    ):
        with pytest.raises(DispatchFailure) as failure:
            call.dispatch(signed(ALICE))
        assert failure.value.reason is Error.CALL_FILTERED


def test_root_makes_a_filtered_call_in_anothers_name_but_that_one_makes_none(
    runtime: QuietRuntime,
) -> None:
    """frame/sudo/src/lib.rs: sudo_as dispatches without the filter, which the inner calls meet."""
    remark = runtime.system.remark_with_event.call(b"")
    filtered = runtime.dispatch_error(Error.CALL_FILTERED)
    sudo, utility = runtime.sudo, runtime.utility

    as_bob = sudo.sudo_as.call(Id(BOB), remark)
    (left,) = told(runtime, as_bob, signed(ALICE), Remarked)
    assert left.sender == BOB
    nested = sudo.sudo_as.call(Id(BOB), utility.batch_all.call((remark,)))
    assert told(runtime, nested, signed(ALICE), SudoAsDone) == [SudoAsDone(Err(filtered))]
    as_origin = utility.dispatch_as.call(SignedCaller(BOB), utility.batch.call((remark,)))
    assert told(runtime, as_origin, ROOT, BatchInterrupted) == [BatchInterrupted(0, filtered)]
    assert len(told(runtime, as_origin, ROOT, DispatchedAs)) == 1


@pytest.mark.parametrize("batches", [254, 255])
def test_calls_nest_to_the_layers_that_storage_has(runtime: QuietRuntime, batches: int) -> None:
    """frame/support/src/storage/transactional.rs: 255 layers, and the next call fails."""
    call = runtime.system.remark.call(b"")
    for _ in range(batches):
        call = runtime.utility.batch.call((call,))
    decoded, _ = runtime.calls_codec.decode_at(call.encode(), 0)

    refused = told(runtime, decoded, signed(ALICE), BatchInterrupted)

    limit = Transactional(TransactionalError.LIMIT_REACHED)
    assert refused == ([] if batches == 254 else [BatchInterrupted(0, limit)])
    assert runtime.slot.layers == 0
