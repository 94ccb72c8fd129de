"""The Content service: bytes into blocks, bytes out of them, and what datasets are."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import grpc
import pytest

from tilth.frame import H256
from tilth.pallets.datasets import Anyone, Budget, Draft, JobKind, Only, Policy
from tilth.primitives.crypto.dev import ALICE, BOB
from tilth.primitives.crypto.hashing import blake2_256, sha2_256
from tilth.primitives.types import AccountId
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.v1 import content_pb2 as pb
from tilth.v1 import errors_pb2 as errors

KIB = 1024
NO_HASH = bytes(32)


def requests(extrinsics: Iterable[bytes]) -> Iterator[pb.PublishRequest]:
    return (pb.PublishRequest(extrinsic=extrinsic) for extrinsic in extrinsics)


async def publish(face: Any, extrinsics: Iterable[bytes]) -> list[pb.PublishResponse]:
    async with asyncio.timeout(30):
        return [each async for each in face.content.Publish(requests(extrinsics))]


async def read(call: Any) -> list[Any]:
    async with asyncio.timeout(30):
        return [each async for each in call]


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read(call) if hasattr(call, "__aiter__") else await call
    return caught.value


async def included(face: Any, *extrinsics: bytes) -> None:
    """Have a block take them in, and their calls succeed."""
    for extrinsic in extrinsics:
        face.node.pool.submit(extrinsic)
    face.build()
    events = face.runtime.system.events
    with face.runtime.at(face.node.chain.best.state):
        names = [type(record.event.event).__name__ for record in events.get()]
    assert "ExtrinsicFailed" not in names


async def test_published_chunks_come_back_as_they_were(face: Any) -> None:
    chunks = [bytes((number,)) * 100_000 for number in range(3)]

    outcomes = await publish(
        face, [face.storing(chunk, nonce=nonce) for nonce, chunk in enumerate(chunks)]
    )

    assert [each.request for each in outcomes] == [0, 1, 2]
    for outcome, chunk in zip(outcomes, chunks, strict=True):
        block = face.node.chain.at(outcome.stored.block.number)
        assert block.hash == outcome.stored.block.hash
        assert blake2_256(block.extrinsics[outcome.stored.index]) == outcome.transaction_hash
        assert list(outcome.stored.content_hashes) == [sha2_256(chunk)]
        pieces = await read(
            face.content.Fetch(pb.FetchRequest(content_hash=outcome.stored.content_hashes[0]))
        )
        assert b"".join(piece.data for piece in pieces) == chunk


async def test_one_extrinsic_may_store_several_contents(face: Any) -> None:
    store = face.runtime.storage.storing
    batch = face.runtime.utility.batch_all.call((store(b"one"), store(b"two")))

    (outcome,) = await publish(face, [face.signed(batch)])

    assert list(outcome.stored.content_hashes) == [sha2_256(b"one"), sha2_256(b"two")]


async def test_refused_and_failed_items_do_not_end_the_upload(face: Any) -> None:
    outcomes = await publish(
        face,
        [
            b"garbage",
            face.remark(b"stores nothing", nonce=0),
            face.storing(b"", nonce=0),
            face.storing(b"good", nonce=1),
            face.storing(b"late", nonce=0),
        ],
    )

    by_request = {each.request: each for each in outcomes}
    assert by_request[0].refused.reason == errors.REFUSAL_REASON_UNDECODABLE
    assert by_request[0].transaction_hash == blake2_256(b"garbage")
    assert by_request[1].refused.reason == errors.REFUSAL_REASON_WRONG_CALL
    assert (by_request[2].failed.pallet, by_request[2].failed.name) == (
        "TransactionStorage",
        "BadDataSize",
    )
    assert list(by_request[3].stored.content_hashes) == [sha2_256(b"good")]
    assert by_request[4].HasField("refused")
    assert len(outcomes) == 5


async def test_an_item_that_leaves_the_pool_is_refused(by_hand: Any) -> None:
    upload = by_hand.content.Publish()
    await upload.write(pb.PublishRequest(extrinsic=by_hand.storing(bytes(10_000), nonce=0)))
    await upload.done_writing()
    await until(lambda: by_hand.node.pool.pending_count() == 1)
    by_hand.node.pool.submit(by_hand.remark(nonce=0))

    outcome = await upload.read()

    assert outcome.refused.reason == errors.REFUSAL_REASON_USURPED
    assert await upload.read() is grpc.aio.EOF


async def test_the_server_reads_no_faster_than_blocks_take_in(start: Any, manually: Any) -> None:
    limits = GrpcLimits(uploads_in_flight=250 * KIB)
    face = await start(sealing=manually, limits=limits)
    chunk = bytes(100 * KIB)
    upload = asyncio.create_task(
        publish(face, [face.storing(chunk + bytes((nonce,)), nonce=nonce) for nonce in range(9)])
    )
    for taken in (3, 6, 9):
        await until(lambda: face.node.pool.pending_count() == 3)
        await asyncio.sleep(0.05)
        assert face.node.pool.pending_count() == 3
        face.build()
        assert sum(len(block.extrinsics) - 1 for block in blocks(face)) == taken

    assert len(await upload) == 9


async def test_an_upload_larger_than_a_block_gets_through(face: Any) -> None:
    chunks = [bytes((number,)) * 1_000_000 for number in range(10)]

    outcomes = await publish(
        face, [face.storing(chunk, nonce=nonce) for nonce, chunk in enumerate(chunks)]
    )

    assert [each.stored.content_hashes[0] for each in outcomes] == [sha2_256(c) for c in chunks]
    assert len({each.stored.block.number for each in outcomes}) > 1


async def test_an_upload_that_cannot_go_on_ends_and_says_why(start: Any) -> None:
    face = await start(limits=GrpcLimits(inclusion_seconds=0.2))

    error = await failure(face.content.Publish(requests([face.storing(b"orphan", nonce=5)])))

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "nonce" in str(error.details())


async def test_an_idle_upload_does_not_end(start: Any) -> None:
    face = await start(limits=GrpcLimits(inclusion_seconds=0.1))

    async def slowly() -> AsyncIterator[pb.PublishRequest]:
        yield pb.PublishRequest(extrinsic=face.storing(b"one", nonce=0))
        await asyncio.sleep(0.4)
        yield pb.PublishRequest(extrinsic=face.storing(b"two", nonce=1))

    assert len(await read(face.content.Publish(slowly()))) == 2


async def test_a_cancelled_upload_takes_no_more(start: Any, manually: Any) -> None:
    face = await start(sealing=manually, limits=GrpcLimits(uploads_in_flight=1))
    upload = face.content.Publish(
        requests([face.storing(bytes((nonce,)), nonce=nonce) for nonce in range(9)])
    )
    await until(lambda: face.node.pool.pending_count() == 1)
    upload.cancel()
    await asyncio.sleep(0.05)
    face.build()
    await asyncio.sleep(0.05)

    assert face.node.pool.pending_count() == 0


async def test_content_is_fetched_in_small_pieces_and_in_part(face: Any) -> None:
    data = bytes(range(256)) * 1000
    await publish(face, [face.storing(data)])
    hash = sha2_256(data)

    whole = await read(face.content.Fetch(pb.FetchRequest(content_hash=hash)))
    part = await read(
        face.content.Fetch(pb.FetchRequest(content_hash=hash, offset=1000, length=100_000))
    )
    tail = await read(
        face.content.Fetch(pb.FetchRequest(content_hash=hash, offset=255_990, length=10**9))
    )

    assert b"".join(piece.data for piece in whole) == data
    assert max(len(piece.data) for piece in whole) == 64 * KIB
    assert {piece.total_size for piece in [*whole, *part]} == {len(data)}
    assert b"".join(piece.data for piece in part) == data[1000:101_000]
    assert b"".join(piece.data for piece in tail) == data[255_990:]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.FetchRequest(content_hash=NO_HASH), grpc.StatusCode.NOT_FOUND),
        (pb.FetchRequest(content_hash=b"short"), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.FetchRequest(content_hash=sha2_256(b"abc"), offset=3), grpc.StatusCode.OUT_OF_RANGE),
        (
            pb.FetchRequest(content_hash=sha2_256(b"abc"), offset=2**64 - 1),
            grpc.StatusCode.OUT_OF_RANGE,
        ),
    ],
)
async def test_what_cannot_be_fetched_is_refused(
    face: Any, request_: pb.FetchRequest, code: grpc.StatusCode
) -> None:
    await publish(face, [face.storing(b"abc")])

    error = await failure(face.content.Fetch(request_))

    assert error.code() is code


FILES = {"data/train.csv": [b"a,b\n" * 50_000, b"1,2\n" * 30_000], "empty": [], "README": [b"hi"]}


def manifest(files: dict[str, list[bytes]], **changes: Any) -> bytes:
    entries = [
        {
            "path": path,
            "size": sum(map(len, chunks)),
            "sha256": sha2_256(b"".join(chunks)).hex(),
            "chunks": [sha2_256(chunk).hex() for chunk in chunks],
            **changes,
        }
        for path, chunks in files.items()
    ]
    return json.dumps({"files": entries}, sort_keys=True, separators=(",", ":")).encode()


def draft(content: bytes, size: int, rows: int, fingerprint: bytes) -> Draft:
    named = H256(sha2_256(content)), H256(sha2_256(b"meta"))
    return Draft(*named, None, size, rows, H256(fingerprint * 32), None)


async def dataset(face: Any, content: bytes, chunks: Iterable[bytes] = ()) -> None:
    """Publish dataset 0 of Alice with this manifest."""
    contents = tuple(dict.fromkeys(chunks))
    stored = [face.runtime.storage.storing(data) for data in {content, b"meta", *contents}]
    publishing = face.runtime.datasets.publish.call(
        "corpus",
        "CC0-1.0",
        ("text",),
        draft(content, 320_002, 7, b"f"),
        tuple(H256(sha2_256(chunk)) for chunk in contents),
        None,
    )
    await included(face, face.signed(face.runtime.utility.batch_all.call((*stored, publishing))))


async def test_a_dataset_comes_file_by_file_in_its_manifests_order(by_hand: Any) -> None:
    content = manifest(FILES)
    await dataset(by_hand, content, [chunk for chunks in FILES.values() for chunk in chunks])

    first, *parts = await read(by_hand.content.FetchDataset(pb.FetchDatasetRequest(dataset=0)))

    assert first.revision.manifest == sha2_256(content)
    files, path = dict[str, bytes](), ""
    for part in parts:
        if part.HasField("file"):
            path = part.file.path
            files[path] = b""
            assert part.file.sha256 == sha2_256(b"".join(FILES[path]))
            assert part.file.size == sum(map(len, FILES[path]))
        else:
            files[path] += part.data
    assert files == {path: b"".join(chunks) for path, chunks in FILES.items()}
    assert list(files) == list(FILES)


async def test_an_older_revision_stays_what_it_was(by_hand: Any) -> None:
    old, new = manifest({"a": [b"old"]}), manifest({"a": [b"new"]})
    await dataset(by_hand, old, [b"old", b"new", new])
    revised = by_hand.runtime.datasets.publish_revision.call(
        0, draft(new, 3, 1, b"g"), (H256(sha2_256(b"new")),), None
    )
    await included(by_hand, by_hand.signed(revised))

    contents = {}
    for number in (None, 0, 1):
        request = pb.FetchDatasetRequest(dataset=0, revision=number)
        *_, last = await read(by_hand.content.FetchDataset(request))
        contents[number] = last.data

    assert contents == {None: b"new", 0: b"old", 1: b"new"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.FetchDatasetRequest(dataset=9), grpc.StatusCode.NOT_FOUND),
        (pb.FetchDatasetRequest(dataset=2**64 - 1), grpc.StatusCode.NOT_FOUND),
        (pb.FetchDatasetRequest(dataset=0, revision=1), grpc.StatusCode.NOT_FOUND),
        (pb.FetchDatasetRequest(dataset=0, revision=2**63), grpc.StatusCode.NOT_FOUND),
        (pb.FetchDatasetRequest(dataset=1), grpc.StatusCode.FAILED_PRECONDITION),
    ],
)
async def test_what_is_no_public_revision_is_refused(
    by_hand: Any, request_: pb.FetchDatasetRequest, code: grpc.StatusCode
) -> None:
    await dataset(by_hand, manifest(FILES))
    await private(by_hand)

    error = await failure(by_hand.content.FetchDataset(request_))

    assert error.code() is code


async def test_a_manifest_that_is_none_is_told_apart_from_a_lost_one(by_hand: Any) -> None:
    await dataset(by_hand, b"no JSON")

    error = await failure(by_hand.content.FetchDataset(pb.FetchDatasetRequest(dataset=0)))

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "manifest" in str(error.details())


@pytest.mark.parametrize(
    "changes", [{"size": 5}, {"size": 1}, {"sha256": NO_HASH.hex()}, {"size": 0}]
)
async def test_a_file_that_is_not_what_its_manifest_says_ends_in_data_loss(
    by_hand: Any, changes: dict[str, Any]
) -> None:
    await dataset(by_hand, manifest({"a": [b"abc"]}, **changes), [b"abc"])

    error = await failure(by_hand.content.FetchDataset(pb.FetchDatasetRequest(dataset=0)))

    assert error.code() is grpc.StatusCode.DATA_LOSS


async def test_a_chunk_that_was_never_stored_is_not_found(by_hand: Any) -> None:
    await dataset(by_hand, manifest({"a": [b"abc"]}))

    error = await failure(by_hand.content.FetchDataset(pb.FetchDatasetRequest(dataset=0)))

    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert sha2_256(b"abc").hex() in str(error.details())


async def test_a_public_dataset_is_described(by_hand: Any) -> None:
    content = manifest(FILES)
    await dataset(by_hand, content)

    found = await by_hand.content.GetDataset(pb.GetDatasetRequest(dataset=0))

    assert (found.name, found.spdx, list(found.tags)) == ("corpus", "CC0-1.0", ["text"])
    assert (found.publisher, found.created_at) == (ALICE, 1)
    assert (found.head.number, found.head.manifest) == (0, sha2_256(content))
    assert (found.head.size_bytes, found.head.rows) == (320_002, 7)
    assert not found.HasField("deprecated")
    assert not found.HasField("private")


async def test_a_deprecated_dataset_says_so_and_stays(by_hand: Any) -> None:
    await dataset(by_hand, manifest(FILES))
    await private(by_hand)
    await included(by_hand, by_hand.signed(by_hand.runtime.datasets.deprecate.call(0, 1, None)))

    found = await by_hand.content.GetDataset(pb.GetDatasetRequest(dataset=0))

    assert found.deprecated.by == 1
    assert not found.deprecated.HasField("reason")
    assert found.HasField("head")


POLICY = Policy(10**30, 5, Only((AccountId(BOB),)), 1_500_000, 1_000, 10_000, (H256(b"s" * 32),))


async def private(face: Any, policy: Policy = POLICY) -> None:
    """Register a private table of Alice's."""
    hash = H256(sha2_256(b"meta"))
    registering = face.runtime.datasets.register_private.call(
        "patients",
        "LicenseRef-Private",
        hash,
        hash,
        hash,
        H256(b"r" * 32),
        100,
        policy,
        Budget(8_000_000, 10**6, 50_000),
        (AccountId(ALICE),),
    )
    store = face.runtime.storage.storing(b"meta")
    await included(face, face.signed(face.runtime.utility.batch_all.call((store, registering))))


async def test_a_private_table_is_described_by_commitments_and_terms(by_hand: Any) -> None:
    await private(by_hand)

    found = await by_hand.content.GetDataset(pb.GetDatasetRequest(dataset=0))

    table = found.private
    assert (table.row_root, table.rows) == (b"r" * 32, 100)
    assert list(table.workers) == [ALICE]
    assert table.policy.price_per_job == str(10**30)
    assert (table.policy.open_to_anyone, list(table.policy.requesters)) == (False, [BOB])
    assert list(table.policy.exact_specs) == [b"s" * 32]
    assert (table.budget.epsilon_micro, table.budget.delta_pico) == (8_000_000, 10**6)
    assert table.privacy_spent == pb.PrivacySpent(
        spent_micro=0, reserved_micro=0, cap_micro=8_000_000
    )


async def test_a_policy_open_to_anyone_names_nobody(by_hand: Any) -> None:
    await private(by_hand, Policy(1, 1, Anyone(), 1, 1, 1, ()))

    found = await by_hand.content.GetDataset(pb.GetDatasetRequest(dataset=0))

    policy = found.private.policy
    assert (policy.open_to_anyone, policy.any_model) == (True, True)
    assert (list(policy.requesters), list(policy.models)) == ([], [])
    assert not policy.HasField("approval_window")
    assert not policy.HasField("jobs_per_requester")
    assert [pb.JobKind.Name(kind) for kind in policy.kinds] == [
        "JOB_KIND_TRAIN",
        "JOB_KIND_EVALUATE",
        "JOB_KIND_STATISTICS",
        "JOB_KIND_INFER",
    ]


async def test_a_policy_tells_which_kinds_and_models_wait_for_whose_approval(by_hand: Any) -> None:
    model = H256(b"m" * 32)
    policy = Policy(
        1, 1, Anyone(), 1, 1, 1, (), (JobKind.STATISTICS,), (model,), 3, approval_window=50
    )
    await private(by_hand, policy)

    found = (await by_hand.content.GetDataset(pb.GetDatasetRequest(dataset=0))).private.policy

    assert list(found.kinds) == [pb.JOB_KIND_STATISTICS]
    assert (found.any_model, list(found.models)) == (False, [b"m" * 32])
    assert (found.jobs_per_requester, found.approval_window) == (3, 50)


async def test_an_unknown_dataset_is_not_found(face: Any) -> None:
    for number in (0, 2**32, 2**64 - 1):
        error = await failure(face.content.GetDataset(pb.GetDatasetRequest(dataset=number)))

        assert error.code() is grpc.StatusCode.NOT_FOUND


async def found(face: Any, **query: Any) -> list[str]:
    page = await face.content.SearchDatasets(pb.SearchDatasetsRequest(**query))
    return [each.name for each in page.datasets]


async def test_a_search_finds_what_fits_all_that_is_given(by_hand: Any) -> None:
    await dataset(by_hand, manifest(FILES))
    await private(by_hand)

    assert await found(by_hand) == ["patients", "corpus"]
    assert await found(by_hand, text="TEX corp") == ["corpus"]
    assert await found(by_hand, name="corpus", tag="text", spdx="CC0-1.0") == ["corpus"]
    assert await found(by_hand, publisher=ALICE, tag="text") == ["corpus"]
    assert await found(by_hand, publisher=BOB) == []
    assert await found(by_hand, name="") == []
    page = await by_hand.content.SearchDatasets(pb.SearchDatasetsRequest(limit=1))
    rest = await by_hand.content.SearchDatasets(pb.SearchDatasetsRequest(cursor=page.cursor))
    assert [each.id for each in (*page.datasets, *rest.datasets)] == [1, 0]
    assert page.datasets[0].private.rows == 100
    assert rest.datasets[0] == await by_hand.content.GetDataset(pb.GetDatasetRequest(dataset=0))
    assert not rest.HasField("cursor")
    error = await failure(by_hand.content.SearchDatasets(pb.SearchDatasetsRequest(publisher=b"x")))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_revision_is_given_by_its_number(by_hand: Any) -> None:
    content = manifest(FILES)
    await dataset(by_hand, content)

    newest = await by_hand.content.GetRevision(pb.GetRevisionRequest(dataset=0))

    assert newest == await by_hand.content.GetRevision(pb.GetRevisionRequest(dataset=0, revision=0))
    assert (newest.manifest, newest.rows) == (sha2_256(content), 7)


async def test_a_preview_shows_the_first_rows_of_a_table(by_hand: Any) -> None:
    table = b"a,b\n1,x\n2,y\n"
    await dataset(by_hand, manifest({"README": [b"hi"], "t.csv": [table]}), [b"hi", table])

    shown = await by_hand.content.PreviewDataset(pb.PreviewDatasetRequest(dataset=0, rows=1))
    asked = pb.PreviewDatasetRequest(dataset=0, file="README")
    error = await failure(by_hand.content.PreviewDataset(asked))

    assert (shown.file, shown.mock, list(shown.columns)) == ("t.csv", False, ["a", "b"])
    assert [list(row.cells) for row in shown.rows] == [["1", "x"]]
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_of_a_private_table_the_made_up_twin_is_shown(by_hand: Any) -> None:
    await private(by_hand)

    shown = await by_hand.content.PreviewDataset(pb.PreviewDatasetRequest(dataset=0))

    assert (shown.file, shown.mock, list(shown.columns)) == ("", True, ["meta"])


async def test_a_description_comes_as_it_was_published(by_hand: Any) -> None:
    await dataset(by_hand, manifest(FILES))
    described = b'{"name":  "patients"}'
    hash = H256(sha2_256(described))
    revision = Draft(hash, hash, None, 1, 1, H256(b"k" * 32), None)
    store = by_hand.runtime.storage.storing(described)
    again = by_hand.runtime.datasets.publish_revision.call(0, revision, (), None)
    await included(by_hand, by_hand.signed(by_hand.runtime.utility.batch_all.call((store, again))))

    answer = await by_hand.content.DescribeDataset(pb.DescribeDatasetRequest(dataset=0))
    first = by_hand.content.DescribeDataset(pb.DescribeDatasetRequest(dataset=0, revision=0))
    error = await failure(first)

    assert (answer.croissant, answer.content_hash) == (described, hash)
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "no JSON-LD" in str(error.details())


@pytest.mark.parametrize("method", ["GetRevision", "PreviewDataset", "DescribeDataset"])
@pytest.mark.parametrize("asked", [{"dataset": 9}, {"dataset": 2**64 - 1}, {"revision": 2**40}])
async def test_what_there_is_not_is_not_found(
    by_hand: Any, method: str, asked: dict[str, int]
) -> None:
    await dataset(by_hand, manifest(FILES))
    request = getattr(pb, f"{method}Request")(**asked)

    error = await failure(getattr(by_hand.content, method)(request))

    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "there is no dataset" in str(error.details()) or "no revision" in str(error.details())


def blocks(face: Any) -> list[Any]:
    return [face.node.chain.at(number) for number in range(1, face.node.chain.best.number + 1)]


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)
