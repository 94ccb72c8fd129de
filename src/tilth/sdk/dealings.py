"""What requesters and owners do about a job beside ordering it: approve, seal, dispute, list."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tilth.primitives import ss58
from tilth.primitives.crypto.sealing import SealingKey, seal
from tilth.primitives.job_result import model_info
from tilth.sdk.client import Client
from tilth.sdk.connection import Receipt
from tilth.sdk.jobs import Job
from tilth.sdk.refusals import Refused
from tilth.sdk.terms import Policy
from tilth.sdk.wire import MICRO
from tilth.v1 import content_pb2 as pb

if TYPE_CHECKING:
    from substrateinterface import Keypair


def approve(client: Client, pair: "Keypair", job: int) -> Receipt:
    """Let a job on one's own table wait for a worker."""
    return client.submit(pair, "Compute", "approve_job", {"job": job})


def reject(client: Client, pair: "Keypair", job: int) -> Receipt:
    """Refuse a job on one's own table, which costs its requester nothing."""
    return client.submit(pair, "Compute", "reject_job", {"job": job})


def cancel(client: Client, pair: "Keypair", job: int) -> Receipt:
    """Take back a job of one's own that no worker has claimed."""
    return client.submit(pair, "Compute", "cancel", {"job": job})


def deliver_model(client: Client, pair: "Keypair", job: Job, model: bytes) -> Receipt:
    """Seal a secret model to the worker that waits for it, and say where it is stored.

    Nobody but that worker reads it; what is stored is bound to chain, job and spec.
    """
    now = job.now()
    if not now.HasField("awaiting_model"):
        state = now.WhichOneof("state")
        raise Refused(f"job {job.number} is {state}: no worker waits for its model")
    worker = now.awaiting_model.worker
    key = client.query("Compute", "SealingKeys", ss58.encode(worker))
    if key is None:
        raise Refused(f"the worker of job {job.number} has no key to seal to")
    info = model_info(client.genesis_hash, job.number, job.spec.hash)
    envelope = seal(bytes.fromhex(key.removeprefix("0x")), info, model)
    content = client.publish_content(pair, envelope)
    params = {"job": job.number, "content": "0x" + content.hex()}
    return client.submit(pair, "Compute", "deliver_model", params)


def dispute_missing(client: Client, pair: "Keypair", job: Job) -> Receipt:
    """Say that the chain has no result of the promised hash and size."""
    params = {"job": job.number, "ground": "CommitmentMismatch"}
    return client.submit(pair, "Compute", "dispute", params)


def dispute_accuracy(client: Client, pair: "Keypair", job: Job, key: SealingKey) -> Receipt:
    """Say that the model fails its acceptance test: another worker measures it, for a bond.

    The key becomes public, and with it the result.
    """
    ground = {"AcceptanceFailed": {"secret": "0x" + key.expose_secret().hex()}}
    params = {"job": job.number, "ground": ground}
    return client.submit(pair, "Compute", "dispute", params)


def waiting_for(client: Client, owner: str) -> Sequence[Any]:
    """Jobs that wait for this owner's approval, the oldest first, as `jobs_get` tells them."""
    found = client.ask("jobs_list", owner, None, "awaitingApproval")["jobs"]
    mine = [each["job"] for each in found if each["owner"] == owner]
    return [client.ask("jobs_get", number) for number in reversed(mine)]


def policy_of(client: Client, dataset: int) -> Policy:
    """The terms that are in force for a private table."""
    found = client.dataset(dataset).private.policy
    return Policy(
        price_per_job=int(found.price_per_job),
        price_per_epsilon=int(found.price_per_epsilon),
        max_epsilon=found.max_epsilon_micro / MICRO,
        max_params=found.max_params,
        max_output_bytes=found.max_output_bytes,
        requesters=None if found.open_to_anyone else [*map(ss58.encode, found.requesters)],
        exact_specs=tuple(found.exact_specs),
        kinds=tuple(_kind(kind) for kind in found.kinds),
        models=None if found.any_model else tuple(found.models),
        jobs_per_requester=_set(found, "jobs_per_requester"),
        approval_window=_set(found, "approval_window"),
    )


def set_policy(client: Client, pair: "Keypair", dataset: int, policy: Policy) -> Receipt:
    """Set the terms that new jobs meet; those under way keep theirs."""
    params = {"dataset": dataset, "policy": policy.params()}
    return client.submit(pair, "Datasets", "set_policy", params)


def allow(client: Client, pair: "Keypair", dataset: int, spec_hash: bytes) -> Receipt:
    """List one job by the hash of its spec: limits do not bind it, and it may go without noise."""
    policy = policy_of(client, dataset)
    listed = dict.fromkeys((*policy.exact_specs, spec_hash))
    return set_policy(client, pair, dataset, replace(policy, exact_specs=tuple(listed)))


def _kind(kind: pb.JobKind) -> str:
    return pb.JobKind.Name(kind).removeprefix("JOB_KIND_").lower()


def _set(policy: pb.Policy, field: str) -> int | None:
    return getattr(policy, field) if policy.HasField(field) else None
