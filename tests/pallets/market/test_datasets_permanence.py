"""Whoever calls whatever: what was published stays published, byte for byte."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tilth.frame import H256, ROOT, AccountId, DispatchFailure, signed

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture)
PEOPLE = tuple(AccountId(bytes([n]) * 32) for n in (1, 2))
callers = st.sampled_from((ROOT, *map(signed, PEOPLE)))
numbers = st.integers(0, 3)
hashes = st.sampled_from([H256(bytes([n]) * 32) for n in range(3)])


def _calls(market: Any) -> st.SearchStrategy[Any]:
    """Every call of the pallets that keep data."""
    datasets, storage = market.datasets, market.transaction_storage
    stored = market.content(b"stored", PEOPLE[0])
    market.described()  # stores what it names
    revision = st.builds(
        lambda rows, fingerprint: market.described(
            manifest=stored, metadata=stored, rows=rows, fingerprint=fingerprint
        ),
        numbers,
        hashes,
    )
    private = market.private_terms(stored)
    return st.one_of(
        revision.map(lambda r: datasets.publish.call(**r)),
        st.builds(
            lambda d, r: datasets.publish_revision.call(d, r["draft"], (), None), numbers, revision
        ),
        st.builds(datasets.transfer_publisher.call, numbers, st.sampled_from(PEOPLE)),
        st.builds(
            lambda d, n, *use: datasets.cite.call(d, n, (use,)), numbers, numbers, numbers, numbers
        ),
        hashes.map(datasets.reserve.call),
        st.builds(datasets.tag_revision.call, numbers, st.sampled_from("ab"), numbers),
        st.builds(datasets.deprecate.call, numbers, st.none() | numbers, st.none()),
        hashes.map(lambda root: datasets.register_private.call(row_root=root, **private)),
        numbers.map(lambda d: datasets.set_policy.call(d, private["policy"])),
        st.builds(datasets.extend_budget.call, numbers, numbers, numbers),
        st.binary(min_size=1, max_size=9).map(storage.store.call),
        st.binary(min_size=1, max_size=9).map(storage.storing),
    )


def _kept(market: Any) -> dict[str, Any]:
    datasets, storage = market.datasets, market.transaction_storage
    kept = {f"{d}/{n}": revision for (d, n), revision in datasets.revisions.items()}
    kept |= {f"{d}#{tag}": n for (d, tag), n in datasets.revision_by_tag.items()}
    kept |= {f"first {h.hex()}": claim.since for h, claim in datasets.by_content.items()}
    kept |= {
        f"{d}/{n} uses {use}": True for (d, n), uses in datasets.citations.items() for use in uses
    }
    kept |= {f"{d} rows": info.row_root for d, info in datasets.private_infos.items()}
    kept |= {f"{d} by": (info.created_at, info.name) for d, info in datasets.datasets.items()}
    kept |= {f"block {n}": infos for n, infos in storage.transactions.items()}
    contents = storage.transaction_by_content_hash
    kept |= {h.hex(): storage.content_size(h) for h, _ in contents.items()}
    return kept


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_nothing_published_ever_changes(market: Any, data: st.DataObject) -> None:
    market.restart()
    for who in PEOPLE:
        market.fund(who, 10**15)
    calls = _calls(market)
    for _ in range(data.draw(st.integers(1, 12))):
        before = _kept(market)
        try:
            data.draw(calls).dispatch(data.draw(callers))
        except DispatchFailure:
            assert _kept(market) == before
        market.go_to(market.system.block_number() + data.draw(st.integers(0, 1)))
        assert before.items() <= _kept(market).items()
    market.try_state()
