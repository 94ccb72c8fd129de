"""Datasets join the commons for ever; private tables offer terms, and their books stay balanced."""

from typing import Any

import pytest

from tilth.frame import H256, ArithmeticError, TokenError, codec, replace, u32
from tilth.pallets.datasets import (
    Active,
    Budget,
    BudgetExtended,
    BudgetReleased,
    BudgetReserved,
    BudgetSpent,
    Claim,
    DatasetInfo,
    Deprecated,
    DeprecatedFor,
    DuplicateOf,
    EpsilonReport,
    Error,
    JobKind,
    Kind,
    Only,
    PolicyChanged,
    PrivateInfo,
    PrivateRegistered,
    Published,
    Revision,
    RevisionPublished,
    Table,
    Tagged,
)
from tilth.primitives import privacy

ABSENT = H256(b"\xee" * 32)
COST = privacy.cost(privacy.FULL_BATCH, 10_000, 10)
SPEC = H256(b"s" * 32)
REVISED = {"bytes": 11, "rows": 3, "fingerprint": H256(b"g" * 32)}


JOBS_WITHIN_BUDGET = 20


@pytest.fixture
def market(market: Any) -> Any:
    """In its second block, with the content that datasets are described by."""
    for data in (b"manifest", b"metadata", b"schema", b"mock"):
        market.content(data)
    market.go_to(2)
    return market


# Publishing.


def test_a_published_dataset_is_found(market: Any, alice: Any) -> None:
    dataset = market.publish(alice)

    expected = DatasetInfo(Kind.PUBLIC, alice, 2, 0, "corpus", "CC0-1.0", ("text",), Active())
    assert market.datasets.info(dataset) == expected
    manifest = market.content(b"manifest")
    assert market.datasets.revision(dataset, 0).manifest == manifest
    assert market.events() == [Published(dataset, alice, manifest)]


def test_datasets_are_numbered_in_order(market: Any) -> None:
    assert [market.publish(), market.publish(), market.register()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("manifest", Error.MANIFEST_NOT_STORED),
        ("metadata", Error.METADATA_NOT_STORED),
        ("changelog", Error.CHANGELOG_NOT_STORED),
        ("contents", Error.CONTENT_NOT_STORED),
    ],
)
def test_what_a_dataset_names_is_stored_first(
    market: Any, refused: Any, alice: Any, part: str, error: Error
) -> None:
    dataset = market.publish()
    named = (ABSENT,) if part == "contents" else ABSENT
    described = market.described(**{part: named})
    with refused(error):
        market.datasets.publish(alice, **described)
    with refused(error):
        market.datasets.publish_revision(
            alice, dataset, described["draft"], described["contents"], None
        )


@pytest.mark.parametrize("spdx", ["", "Made-Up-1.0", "CC0-1.0 or MIT", "MIT AND"])
def test_a_licence_is_an_spdx_expression(market: Any, refused: Any, spdx: str) -> None:
    market.publish()
    with refused(Error.BAD_SPDX):
        market.publish(spdx=spdx)
    with refused(Error.BAD_SPDX):
        market.register(spdx=spdx)


def test_a_dataset_has_a_name(market: Any, refused: Any) -> None:
    market.publish()
    with refused(Error.BAD_NAME):
        market.publish(name="")


@pytest.mark.parametrize("tags", [("",), ("text", "text")])
def test_tags_are_distinct_and_not_empty(market: Any, refused: Any, tags: Any) -> None:
    market.publish()
    with refused(Error.BAD_TAGS):
        market.publish(tags=tags)


def test_the_publisher_pays_a_deposit(market: Any, bob: Any) -> None:
    market.publish(bob)

    held = market.money.held(market.datasets.Hold.STORAGE_DEPOSIT, bob)
    assert held == market.datasets.deposit


def test_who_cannot_pay_the_deposit_publishes_nothing(market: Any, refused: Any) -> None:
    market.publish()
    with refused(TokenError.FUNDS_UNAVAILABLE):
        market.publish(bytes(32))


def test_a_duplicate_is_told_of_and_not_refused(market: Any, bob: Any) -> None:
    first, second = market.publish(), market.publish(bob)

    assert market.events()[-1] == DuplicateOf(second, first)
    assert market.datasets.by_content[H256(b"f" * 32)] == Claim(first, 0, since=2)


# Revisions, tags, deprecation.


def _revise(market: Any, who: Any, dataset: int = 0) -> None:
    manifest = market.content(b"manifest 2")
    draft = market.described(manifest=manifest, **REVISED)["draft"]
    market.datasets.publish_revision(who, dataset, draft, (), None)


def test_a_revision_leaves_the_older_ones(market: Any, alice: Any) -> None:
    dataset = market.publish()
    before = market.datasets.revision(dataset, 0)
    market.go_to(3)
    _revise(market, alice)

    assert market.datasets.info(dataset).head == 1
    assert market.datasets.revision(dataset, 0) == before
    manifest = market.content(b"manifest 2")
    expected = Revision(
        manifest,
        market.content(b"metadata"),
        changelog=None,
        bytes=11,
        rows=3,
        fingerprint=H256(b"g" * 32),
        sketch=None,
        at=3,
    )
    assert market.datasets.revision(dataset, 1) == expected
    assert RevisionPublished(dataset, 1, manifest) in market.events()


def test_a_revision_with_its_own_fingerprint_is_no_duplicate(market: Any, alice: Any) -> None:
    dataset = market.publish(fingerprint=H256(b"g" * 32))
    _revise(market, alice)

    assert DuplicateOf(dataset, dataset) not in market.events()


def test_only_the_publisher_revises(market: Any, refused: Any, bob: Any) -> None:
    market.publish()
    market.content(b"manifest 2")
    draft = market.described()["draft"]
    with refused(Error.NOT_PUBLISHER):
        market.datasets.publish_revision(bob, 0, draft, (), None)


def test_an_unknown_dataset_has_no_revision(market: Any, refused: Any, alice: Any) -> None:
    draft = market.described()["draft"]
    with refused(Error.NOT_FOUND):
        market.datasets.publish_revision(alice, 7, draft, (), None)


def test_a_private_dataset_has_no_revisions(market: Any, refused: Any, alice: Any) -> None:
    dataset, draft = market.register(), market.described()["draft"]
    with refused(Error.NOT_PUBLIC):
        market.datasets.publish_revision(alice, dataset, draft, (), None)


def test_a_tag_names_a_revision(market: Any, alice: Any) -> None:
    dataset = market.publish()
    market.datasets.tag_revision(alice, dataset, "v1", 0)

    assert market.datasets.revision_by_tag[dataset, "v1"] == 0
    assert market.events()[-1] == Tagged(dataset, "v1", 0)


def test_a_tag_is_never_moved(market: Any, refused: Any, alice: Any) -> None:
    dataset = market.publish()
    _revise(market, alice)
    market.datasets.tag_revision(alice, dataset, "v1", 0)
    for revision in (0, 1):
        with refused(Error.TAG_EXISTS):
            market.datasets.tag_revision(alice, dataset, "v1", revision)


def test_a_tag_names_a_revision_that_exists(market: Any, refused: Any, alice: Any) -> None:
    dataset = market.publish()
    with refused(Error.REVISION_NOT_FOUND):
        market.datasets.tag_revision(alice, dataset, "v1", 1)
    with refused(Error.BAD_TAGS):
        market.datasets.tag_revision(alice, dataset, "", 0)


def test_only_the_publisher_tags(market: Any, refused: Any, bob: Any) -> None:
    dataset = market.publish()
    with refused(Error.NOT_PUBLISHER):
        market.datasets.tag_revision(bob, dataset, "v1", 0)


def test_a_deprecated_dataset_stays(market: Any, alice: Any) -> None:
    old, new = market.publish(), market.publish()
    reason = market.content(b"superseded")
    market.datasets.deprecate(alice, old, new, reason)

    assert market.datasets.info(old).status == DeprecatedFor(new, reason)
    assert market.datasets.revision(old, 0) is not None
    assert market.events()[-1] == Deprecated(old, new)


def test_a_successor_is_another_dataset_that_exists(market: Any, refused: Any, alice: Any) -> None:
    dataset = market.publish()
    for successor in (dataset, 9):
        with refused(Error.BAD_SUCCESSOR):
            market.datasets.deprecate(alice, dataset, successor, None)


def test_a_reason_is_stored_first(market: Any, refused: Any, alice: Any) -> None:
    dataset = market.publish()
    with refused(Error.REASON_NOT_STORED):
        market.datasets.deprecate(alice, dataset, None, ABSENT)


def test_only_the_publisher_deprecates(market: Any, refused: Any, bob: Any) -> None:
    dataset = market.publish()
    with refused(Error.NOT_PUBLISHER):
        market.datasets.deprecate(bob, dataset, None, None)


# Private tables.


def test_a_private_table_shows_its_commitments(market: Any, alice: Any) -> None:
    dataset = market.register()

    info = market.datasets.private_info(dataset)
    assert (info.row_root, info.rows, info.workers) == (H256(b"r" * 32), 100, (alice,))
    assert market.datasets.info(dataset).kind is Kind.PRIVATE
    assert market.events()[-1] == PrivateRegistered(dataset, alice, H256(b"r" * 32))
    assert market.datasets.tables.private_table(dataset) == Table(
        alice, H256(b"r" * 32), 100, 10**6, (alice,)
    )


def test_a_public_dataset_is_no_private_table(market: Any) -> None:
    dataset = market.publish()

    assert market.datasets.tables.private_table(dataset) is None
    assert market.datasets.private_info(dataset) is None
    assert market.datasets.tables.epsilon_spent(dataset) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"schema": ABSENT}, Error.SCHEMA_NOT_STORED),
        ({"mock": ABSENT}, Error.MOCK_NOT_STORED),
        ({"metadata": ABSENT}, Error.METADATA_NOT_STORED),
        ({"rows": 49}, Error.TOO_FEW_ROWS),
        ({"budget": Budget(1, 0, 1)}, Error.BAD_DELTA),
        ({"budget": Budget(1, 10**10, 1)}, Error.BAD_DELTA),
        ({"workers": ()}, Error.NO_WORKERS),
        ({"workers": (bytes(32), bytes(32))}, Error.NO_WORKERS),
        ({"name": ""}, Error.BAD_NAME),
    ],
)
def test_a_private_table_that_cannot_be_protected_is_refused(
    market: Any, refused: Any, changes: Any, error: Error
) -> None:
    market.register(row_root=H256(b"q" * 32))
    with refused(error):
        market.register(**changes)


def test_the_least_table_and_the_greatest_delta_are_accepted(market: Any) -> None:
    market.register(rows=50, budget=Budget(1, 2 * 10**10 - 1, 1))


def test_rows_are_registered_once(market: Any, refused: Any, bob: Any) -> None:
    market.register()
    with refused(Error.ROW_ROOT_TAKEN):
        market.register(bob)


def test_the_owner_sets_new_terms(market: Any, alice: Any, policy: Any) -> None:
    dataset = market.register()
    market.datasets.set_policy(alice, dataset, replace(policy, price_per_job=7))

    assert market.datasets.private_info(dataset).policy.price_per_job == 7
    assert market.events()[-1] == PolicyChanged(dataset)


def test_only_the_owner_sets_terms_and_budget(
    market: Any, refused: Any, bob: Any, policy: Any
) -> None:
    dataset = market.register()
    with refused(Error.NOT_PUBLISHER):
        market.datasets.set_policy(bob, dataset, policy)
    with refused(Error.NOT_PUBLISHER):
        market.datasets.extend_budget(bob, dataset, 1, 1)


@pytest.mark.parametrize("blocks", [0, 432_001, 2**32 - 1])
def test_an_owner_gives_himself_some_time_to_approve_but_not_for_ever(
    market: Any, refused: Any, alice: Any, policy: Any, blocks: int
) -> None:
    endless = replace(policy, approval_window=blocks)
    with refused(Error.BAD_APPROVAL_WINDOW):
        market.register(policy=endless)
    dataset = market.register()
    with refused(Error.BAD_APPROVAL_WINDOW):
        market.datasets.set_policy(alice, dataset, endless)


def test_a_public_dataset_has_no_terms(market: Any, refused: Any, alice: Any, policy: Any) -> None:
    dataset = market.publish()
    with refused(Error.NOT_PRIVATE):
        market.datasets.set_policy(alice, dataset, policy)
    with refused(Error.NOT_PRIVATE):
        market.datasets.extend_budget(alice, dataset, 1, 1)


def test_a_budget_only_grows(market: Any, alice: Any, budget: Any) -> None:
    dataset = market.register()
    market.datasets.extend_budget(alice, dataset, 5, 6)

    expected = Budget(budget.epsilon_micro + 5, budget.delta_pico, budget.output_bytes + 6)
    assert market.datasets.private_info(dataset).budget == expected
    assert market.events()[-1] == BudgetExtended(
        dataset, expected.epsilon_micro, expected.output_bytes
    )


def test_a_budget_does_not_overflow(market: Any, refused: Any, alice: Any) -> None:
    dataset = market.register()
    with refused(ArithmeticError.OVERFLOW):
        market.datasets.extend_budget(alice, dataset, 2**64 - 1, 0)
    with refused(ArithmeticError.OVERFLOW):
        market.datasets.extend_budget(alice, dataset, 0, 2**64 - 1)


# Terms of a job.


def _agree(market: Any, requester: Any, **changes: Any) -> Any:
    asked = {
        "requester": requester,
        "kind": JobKind.TRAIN,
        "model": H256(b"m" * 32),
        "spec_hash": SPEC,
        "cost": COST,
        "params": 1_000,
        "output_bytes": 10_000,
    }
    terms = market.datasets.tables.agree(0, **{**asked, **changes})
    return terms.price, terms.epsilon_micro


def test_the_price_counts_each_started_part_of_epsilon(market: Any, bob: Any) -> None:
    market.register()
    epsilon = privacy.epsilon(COST, 10**6)

    assert epsilon == 1_471_657
    assert _agree(market, bob) == (1_000 + 736, epsilon)


def test_epsilon_pricing_rounds_up(market: Any, bob: Any, policy: Any) -> None:
    market.register(policy=replace(policy, price_per_job=0, price_per_epsilon=1))

    assert _agree(market, bob)[0] == 2


def test_a_price_beyond_a_balance_is_refused(
    market: Any, refused: Any, bob: Any, policy: Any
) -> None:
    market.register(policy=replace(policy, price_per_epsilon=2**128 - 1))
    with refused(ArithmeticError.OVERFLOW):
        _agree(market, bob)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"params": 1_001}, Error.TOO_MANY_PARAMETERS),
        ({"output_bytes": 10_001}, Error.OUTPUT_TOO_LARGE),
        ({"cost": privacy.cost(privacy.FULL_BATCH, 3_000, 10)}, Error.TOO_MUCH_EPSILON),
        ({"cost": None}, Error.NOISE_REQUIRED),
    ],
)
def test_the_policy_bounds_each_job(
    market: Any, refused: Any, bob: Any, changes: Any, error: Error
) -> None:
    market.register()
    with refused(error):
        _agree(market, bob, **changes)


def test_a_listed_spec_may_do_what_the_owner_read(market: Any, bob: Any, policy: Any) -> None:
    market.register(policy=replace(policy, exact_specs=(SPEC,)))

    unbounded = {"cost": None, "params": 10**6, "output_bytes": 10**6}
    assert _agree(market, bob, **unbounded) == (1_000, 0)


def test_only_listed_requesters_may_ask(
    market: Any, refused: Any, alice: Any, bob: Any, policy: Any
) -> None:
    listed = replace(policy, requesters=Only((bob,)), exact_specs=(SPEC,))
    market.register(policy=listed)

    _agree(market, bob)
    with refused(Error.REQUESTER_NOT_ALLOWED):
        _agree(market, alice)


def test_an_empty_list_admits_nobody(market: Any, refused: Any, alice: Any, policy: Any) -> None:
    market.register(policy=replace(policy, requesters=Only(())))
    with refused(Error.REQUESTER_NOT_ALLOWED):
        _agree(market, alice)


def test_there_are_no_terms_for_public_or_unknown_data(market: Any, refused: Any, bob: Any) -> None:
    with refused(Error.NOT_FOUND):
        _agree(market, bob)
    market.publish()
    with refused(Error.NOT_PRIVATE):
        _agree(market, bob)


# The books.


def test_a_reservation_counts_against_the_budget(market: Any) -> None:
    dataset = market.register()
    market.datasets.tables.reserve(dataset, COST, 100)

    epsilon = privacy.epsilon(COST, 10**6)
    assert market.datasets.tables.epsilon_spent(dataset) == EpsilonReport(0, epsilon, 8_000_000)
    assert market.events()[-1] == BudgetReserved(dataset, epsilon, 100)


def test_what_is_spent_stays_spent(market: Any) -> None:
    dataset = market.register()
    market.datasets.tables.reserve(dataset, COST, 100)
    market.datasets.tables.spend(dataset, COST, 100)
    market.datasets.tables.reserve(dataset, COST, 100)
    market.datasets.tables.release(dataset, COST, 100)

    books = market.datasets.ledgers[dataset]
    epsilon = privacy.epsilon(COST, 10**6)
    assert (books.spent, books.reserved) == (COST, privacy.NOTHING)
    assert (books.bytes_spent, books.bytes_reserved) == (100, 0)
    assert BudgetSpent(dataset, epsilon, 100) in market.events()
    assert market.events()[-1] == BudgetReleased(dataset, 100)


def test_many_small_jobs_end_with_the_budget(market: Any, refused: Any) -> None:
    dataset = market.register()
    for _ in range(JOBS_WITHIN_BUDGET):
        market.datasets.tables.reserve(dataset, COST, 1)

    with refused(Error.EPSILON_EXHAUSTED):
        market.datasets.tables.reserve(dataset, COST, 1)
    market.try_state()


def test_released_bytes_end_with_the_budget(market: Any, refused: Any) -> None:
    dataset = market.register()
    market.datasets.tables.reserve(dataset, privacy.NOTHING, 50_000)
    with refused(Error.BYTES_EXHAUSTED):
        market.datasets.tables.reserve(dataset, privacy.NOTHING, 1)


def test_overdrawn_books_are_noticed(market: Any) -> None:
    dataset = market.register()
    market.try_state()
    books = market.datasets.ledgers[dataset]
    market.datasets.ledgers[dataset] = replace(books, bytes_spent=50_001)

    with pytest.raises(AssertionError, match="its bytes"):
        market.try_state()
    market.datasets.ledgers[dataset] = replace(books, spent=privacy.add(COST, (10**10,) * 16))
    with pytest.raises(AssertionError, match="its ε"):
        market.try_state()


# Shape.


def test_no_call_removes_or_hides(market: Any) -> None:
    calls = {call.index: call.name for call in market.datasets.parsed().calls}

    assert calls == {
        0: "reserve",
        1: "publish",
        2: "publish_anonymous",
        3: "publish_revision",
        4: "tag_revision",
        5: "deprecate",
        6: "transfer_publisher",
        7: "register_private",
        8: "set_policy",
        9: "extend_budget",
        11: "cite",
    }
    # Of content, only authorizations can be removed.
    calls = {call.index: call.name for call in market.transaction_storage.parsed().calls}
    assert calls == {
        0: "store",
        1: "renew",
        2: "check_proof",
        3: "authorize_account",
        4: "authorize_preimage",
        5: "remove_expired_account_authorization",
        6: "remove_expired_preimage_authorization",
        7: "refresh_account_authorization",
        8: "refresh_preimage_authorization",
        9: "store_with_cid_config",
        20: "donate",
        21: "store_anonymously",
    }


def test_the_runtime_api_tells_of_datasets(market: Any) -> None:
    public, private = market.publish(), market.register()

    def ask(method: str, params: Any, returns: Any, *values: int) -> Any:
        answer = market.call(f"DatasetsApi_{method}", codec(params).encode(values))
        return codec(returns).decode(answer)

    assert ask("info", tuple[u32], DatasetInfo | None, public).name == "corpus"
    assert ask("revision", tuple[u32, u32], Revision | None, public, 0).rows == 2
    assert ask("private_info", tuple[u32], PrivateInfo | None, private).rows == 100
    assert ask("epsilon_spent", tuple[u32], EpsilonReport | None, private).cap == 8_000_000
    assert ask("info", tuple[u32], DatasetInfo | None, 9) is None
