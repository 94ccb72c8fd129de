"""Datasets as messages."""

from typing import Any

from tilth.frame import codec, u32
from tilth.node.chain import Chain
from tilth.pallets.datasets import (
    DatasetInfo,
    DeprecatedFor,
    EpsilonReport,
    JobKind,
    Kind,
    Only,
    Policy,
    PrivateInfo,
    Revision,
)
from tilth.rpc.grpc.failures import Failure, failed, not_found
from tilth.rpc.grpc.state import ask
from tilth.v1 import content_pb2 as pb


class Catalogue:
    """Reads the best block's datasets, each question answered or a Failure."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def dataset(self, number: int) -> pb.Dataset:
        info = self._info(number)
        dataset = pb.Dataset(
            id=number,
            publisher=info.publisher,
            created_at=info.created_at,
            name=info.name,
            spdx=info.spdx,
            tags=info.tags,
        )
        if isinstance(info.status, DeprecatedFor):
            dataset.deprecated.CopyFrom(
                pb.Deprecation(by=info.status.by, reason=info.status.reason)
            )
        if info.kind is Kind.PUBLIC:
            dataset.head.CopyFrom(self._revision(number, info.head))
        else:
            dataset.private.CopyFrom(self._private(number))
        return dataset

    def revision(self, number: int, revision: int | None) -> pb.Revision:
        """The head where no revision is named."""
        info = self._info(number)
        if info.kind is not Kind.PUBLIC:
            raise failed(f"dataset {number} is private: its rows stay with its owner")
        return self._revision(number, info.head if revision is None else revision)

    def _info(self, number: int) -> DatasetInfo:
        missing = not_found(f"there is no dataset {number}")
        info: DatasetInfo | None = self._ask("info", _u32(number, missing))
        if info is None:
            raise missing
        return info

    def _revision(self, number: int, revision: int) -> pb.Revision:
        missing = not_found(f"dataset {number} has no revision {revision}")
        found: Revision | None = self._ask(
            "revision", _u32(number, missing) + _u32(revision, missing)
        )
        if found is None:
            raise missing
        return _revision(revision, found)

    def _private(self, number: int) -> pb.PrivateTable:
        argument = codec(u32).encode(number)
        info: PrivateInfo = self._ask("private_info", argument)
        spent: EpsilonReport = self._ask("epsilon_spent", argument)
        return _private(info, spent)

    def _ask(self, method: str, argument: bytes) -> Any:
        return ask(self._chain, self._chain.best, f"DatasetsApi_{method}", argument)


def _u32(number: int, missing: Failure) -> bytes:
    if number >= 2**32:
        raise missing
    return codec(u32).encode(number)


def _revision(number: int, revision: Revision) -> pb.Revision:
    return pb.Revision(
        number=number,
        manifest=revision.manifest,
        metadata=revision.metadata,
        size_bytes=revision.bytes,
        rows=revision.rows,
        fingerprint=revision.fingerprint,
        published_at=revision.at,
    )


def _private(info: PrivateInfo, spent: EpsilonReport) -> pb.PrivateTable:
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
        privacy_spent=pb.PrivacySpent(
            spent_micro=spent.spent, reserved_micro=spent.reserved, cap_micro=spent.cap
        ),
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
