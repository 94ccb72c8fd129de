"""Content expires unless it is renewed or pinned, and every block shows that some is possessed."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tilth.frame import H256, AccountId, hashing, signed
from tilth.pallets.transaction_storage import Error, Renewed
from tilth.primitives.chunks import ChunkProof, prove_chunk

PERIOD = 5
SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)


@pytest.fixture
def storage(market: Any) -> Any:
    market.transaction_storage.retention_period.put(PERIOD)
    return market.transaction_storage


def _hash(data: bytes) -> bytes:
    return hashing.blake2_256(data)


def test_content_expires_and_the_deposit_comes_back(market: Any, storage: Any, alice: Any) -> None:
    before = market.money.free_balance(alice)
    storage.store(signed(alice), b"for a while")
    market.go_to(1 + PERIOD)
    assert storage.content_size(_hash(b"for a while")) == 11
    market.go_to(2 + PERIOD)

    assert storage.content_size(_hash(b"for a while")) is None
    assert market.money.free_balance(alice) == before
    assert list(storage.transactions.keys()) == list(storage.provenances.keys()) == []
    market.try_state()


def test_how_long_content_stays_is_known(market: Any, storage: Any, alice: Any) -> None:
    storage.store(signed(alice), b"for a while")
    last = 0
    while storage.content_size(_hash(b"for a while")) is not None:
        last = market.system.block_number()
        market.go_to(last + 1)

    assert last == 1 + PERIOD
    assert not storage.stays(_hash(b"for a while"), 0)
    storage.store(signed(alice), b"again")
    stored = last + 1
    assert storage.stays(_hash(b"again"), stored + PERIOD)
    assert not storage.stays(_hash(b"again"), stored + PERIOD + 1)
    storage.keep(alice, _hash(b"again"))
    assert storage.stays(_hash(b"again"), stored + 1_000 * PERIOD)


def test_renewed_content_stays_that_much_longer(
    market: Any, storage: Any, alice: Any, bob: Any
) -> None:
    storage.store(signed(alice), b"again")
    market.go_to(4)
    storage.renew(signed(bob), 1, 0)
    assert market.events()[-1] == Renewed(0, _hash(b"again"))
    market.go_to(4 + PERIOD)

    assert storage.locate(_hash(b"again")).block == 1  # where its bytes are
    held = storage.Hold.STORAGE_FEE_HOLD
    assert market.money.held(held, alice) == 0 < market.money.held(held, bob)
    market.go_to(5 + PERIOD)
    assert storage.locate(_hash(b"again")) is None
    market.try_state()


@pytest.mark.parametrize("place", [(1, 1), (2, 0), (9, 9)])
def test_what_is_not_there_cannot_be_renewed(
    storage: Any, refused: Any, alice: Any, place: tuple[int, int]
) -> None:
    storage.store(signed(alice), b"only one")
    with refused(Error.RENEWED_NOT_FOUND):
        storage.renew(signed(alice), *place)


def test_pinned_content_never_expires(market: Any, storage: Any, alice: Any) -> None:
    storage.store(signed(alice), b"for ever")
    storage.keep(alice, _hash(b"for ever"))
    market.go_to(3 * PERIOD)

    assert storage.content_size(_hash(b"for ever")) == 8
    price = storage.entry_fee.get() + 8 * storage.byte_fee.get()
    assert market.money.held(storage.Hold.STORAGE_FEE_HOLD, alice) == price
    market.try_state()


def test_who_pins_anothers_content_pays_for_it(
    market: Any, storage: Any, alice: Any, bob: Any
) -> None:
    storage.store(signed(alice), b"mine")
    market.go_to(2)
    storage.keep(bob, _hash(b"mine"))
    market.go_to(2 * PERIOD)

    held = storage.Hold.STORAGE_FEE_HOLD
    assert market.money.held(held, alice) == 0
    price = storage.entry_fee.get() + 4 * storage.byte_fee.get()
    assert market.money.held(held, bob) == price


def test_content_is_pinned_once(market: Any, storage: Any, alice: Any) -> None:
    storage.store(signed(alice), b"once")
    for _ in range(2):
        storage.keep(alice, _hash(b"once"))

    assert storage.pin_count.get() == 1


def test_what_is_not_stored_cannot_be_pinned(storage: Any, alice: Any) -> None:
    with pytest.raises(Exception, match="RENEWED_NOT_FOUND"):
        storage.keep(alice, bytes(32))


def test_a_block_without_the_proof_it_owes_cannot_end(
    market: Any, storage: Any, alice: Any
) -> None:
    storage.store(signed(alice), b"pinned")
    storage.keep(alice, _hash(b"pinned"))
    market.go_to(2)
    storage.proof_checked.kill()

    with pytest.raises(AssertionError, match="Storage proof must be checked"):
        market.end()


def test_content_about_to_expire_is_proven_once_more(market: Any, storage: Any, alice: Any) -> None:
    storage.store(signed(alice), b"leaving")
    market.go_to(PERIOD)
    assert not storage.proof_checked.get()
    market.go_to(1 + PERIOD)
    assert storage.proof_checked.get()
    market.go_to(2 + PERIOD)
    assert not storage.proof_checked.get()


def test_a_proof_is_given_once_and_only_when_due(
    market: Any, storage: Any, refused: Any, alice: Any
) -> None:
    proof = ChunkProof(b"x", ())
    with refused(Error.UNEXPECTED_PROOF):
        storage.check_proof(None, proof)
    storage.store(signed(alice), b"due")
    storage.keep(alice, _hash(b"due"))
    market.go_to(2)
    with refused(Error.DOUBLE_CHECK):
        storage.check_proof(None, proof)


def test_a_proof_of_another_chunk_is_refused(
    market: Any, storage: Any, refused: Any, alice: Any
) -> None:
    content = bytes(range(256)) * 4 + b"the last chunk"
    storage.store(signed(alice), content)
    storage.keep(alice, _hash(content))
    market.go_to(2)
    storage.proof_checked.kill()
    parent = market.system.hash_of_block(1)
    due = int.from_bytes(parent[:8], "big") % 5
    for index in set(range(5)) - {due}:
        with refused(Error.INVALID_PROOF):
            storage.check_proof(None, prove_chunk(content, index))
    storage.check_proof(None, prove_chunk(content, due))


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(sizes=st.lists(st.integers(1, 1500), min_size=1, max_size=12), data=st.data())
def test_every_pinned_chunk_is_drawn_by_some_parent(
    market: Any, sizes: list[int], data: st.DataObject
) -> None:
    market.restart()
    storage, who = market.transaction_storage, AccountId(b"w" * 32)
    market.fund(who, 10**15)
    chunks = []
    for number, size in enumerate(sizes):
        content = bytes((number,)) * size
        storage.store(signed(who), content)
        storage.keep(who, _hash(content))
        chunks += [(_hash(content), index) for index in range(-(-size // 256))]
    drawn = data.draw(st.integers(0, len(chunks) - 1))
    challenge = storage.challenge(H256(drawn.to_bytes(8, "big") + bytes(24)))

    assert (challenge.content_hash, challenge.chunk) == chunks[drawn]
    market.try_state()
