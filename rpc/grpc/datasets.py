"""Datasets as messages."""

from collections.abc import Iterator
from contextlib import contextmanager

from tilth.node.catalogue import NoDatasets, Query
from tilth.node.content import ContentLost, NoContent
from tilth.pallets.datasets import (
    DatasetInfo,
    DeprecatedFor,
    JobKind,
    Kind,
    Only,
    Policy,
    PrivateInfo,
    Revision,
)
from tilth.rpc.datasets import (
    PAGE,
    ROWS,
    DatasetReader,
    NoDataset,
    NotCroissant,
    NotHere,
    PrivateRows,
)
from tilth.rpc.grpc.failures import data_loss, failed, not_found, unimplemented
from tilth.rpc.grpc.values import hash_of
from tilth.rpc.preview import NoPreview
from tilth.v1 import content_pb2 as pb


@contextmanager
def told() -> Iterator[None]:
    """What cannot be answered, as this face says it; raises Failure."""
    try:
        yield
    except (NoDatasets, NoContent) as error:
        raise unimplemented(str(error)) from None
    except (NoDataset, NotHere) as error:
        raise not_found(str(error)) from None
    except (PrivateRows, NoPreview, NotCroissant) as error:
        raise failed(str(error)) from None
    except ContentLost as error:
        raise data_loss(str(error)) from error


def dataset_message(reader: DatasetReader, number: int) -> pb.Dataset:
    """All that is known of it."""
    dataset = _message(reader, number, reader.info(number))
    if dataset.HasField("private"):
        spent = reader.epsilon(number)
        dataset.private.privacy_spent.CopyFrom(
            pb.PrivacySpent(
                spent_micro=spent.spent, reserved_micro=spent.reserved, cap_micro=spent.cap
            )
        )
    return dataset


def found_message(
    reader: DatasetReader, request: pb.SearchDatasetsRequest
) -> pb.SearchDatasetsResponse:
    query = Query(
        request.text,
        request.name if request.HasField("name") else None,
        request.tag if request.HasField("tag") else None,
        request.spdx if request.HasField("spdx") else None,
        hash_of(request.publisher, "a publisher") if request.publisher else None,
    )
    before = request.cursor if request.HasField("cursor") else None
    page = reader.search(query, before=before, limit=request.limit or PAGE)
    found = [_message(reader, number, info) for number, info in page.datasets]
    return pb.SearchDatasetsResponse(datasets=found, cursor=page.cursor)


def preview_message(
    reader: DatasetReader, request: pb.PreviewDatasetRequest
) -> pb.PreviewDatasetResponse:
    revision = request.revision if request.HasField("revision") else None
    file = request.file if request.HasField("file") else None
    shown = reader.preview(request.dataset, revision, file, request.rows or ROWS)
    rows = [pb.PreviewDatasetResponse.Row(cells=cells) for cells in shown.rows]
    return pb.PreviewDatasetResponse(
        file=shown.file, mock=shown.mock, columns=shown.columns, rows=rows
    )


def _message(reader: DatasetReader, number: int, info: DatasetInfo) -> pb.Dataset:
    dataset = pb.Dataset(
        id=number,
        publisher=info.publisher,
        created_at=info.created_at,
        name=info.name,
        spdx=info.spdx,
        tags=info.tags,
    )
    if isinstance(info.status, DeprecatedFor):
        dataset.deprecated.CopyFrom(pb.Deprecation(by=info.status.by, reason=info.status.reason))
    if info.kind is Kind.PUBLIC:
        dataset.head.CopyFrom(revision_message(*reader.revision(number)))
    else:
        dataset.private.CopyFrom(_private(reader.private(number)))
    return dataset


def revision_message(number: int, revision: Revision) -> pb.Revision:
    return pb.Revision(
        number=number,
        manifest=revision.manifest,
        metadata=revision.metadata,
        size_bytes=revision.bytes,
        rows=revision.rows,
        fingerprint=revision.fingerprint,
        published_at=revision.at,
    )


def _private(info: PrivateInfo) -> pb.PrivateTable:
    budget = info.budget
    return pb.PrivateTable(
        schema=info.schema,
        mock=info.mock,
        metadata=info.metadata,
        row_root=info.row_root,
        rows=info.rows,
        policy=_policy(info.policy),
        budget=pb.Budget(
            epsilon_micro=budget.epsilon_micro,
            delta_pico=budget.delta_pico,
            output_bytes=budget.output_bytes,
        ),
        workers=info.workers,
    )


def _policy(policy: Policy) -> pb.Policy:
    only = policy.requesters if isinstance(policy.requesters, Only) else None
    return pb.Policy(
        price_per_job=str(policy.price_per_job),
        price_per_epsilon=str(policy.price_per_epsilon),
        open_to_anyone=only is None,
        requesters=() if only is None else only.accounts,
        max_epsilon_micro=policy.max_epsilon_micro,
        max_params=policy.max_params,
        max_output_bytes=policy.max_output_bytes,
        exact_specs=policy.exact_specs,
        kinds=[f"JOB_KIND_{JobKind(kind).name}" for kind in policy.kinds],
        any_model=policy.models is None,
        models=policy.models or (),
        jobs_per_requester=policy.jobs_per_requester,
        approval_window=policy.approval_window,
    )
