"""What a private table's owner allows, and what it costs."""

from tilth.frame import H256, AccountId, checked, ensure, some
from tilth.pallets.datasets.errors import Error
from tilth.pallets.datasets.types import Anyone, Policy

_MILLION = 1_000_000


def ensure_allowed(
    policy: Policy,
    *,
    requester: AccountId,
    kind: int,
    model: H256,
    spec_hash: H256,
    epsilon_micro: int | None,
    params: int,
    output_bytes: int,
) -> None:
    """`epsilon_micro` is None where the job adds no noise."""
    ensure(_admits(policy, requester), Error.REQUESTER_NOT_ALLOWED)
    if spec_hash in policy.exact_specs:
        return
    ensure(kind in policy.kinds, Error.KIND_NOT_ALLOWED)
    ensure(policy.models is None or model in policy.models, Error.MODEL_NOT_ALLOWED)
    epsilon_micro = some(epsilon_micro, Error.NOISE_REQUIRED)
    ensure(epsilon_micro <= policy.max_epsilon_micro, Error.TOO_MUCH_EPSILON)
    ensure(params <= policy.max_params, Error.TOO_MANY_PARAMETERS)
    ensure(output_bytes <= policy.max_output_bytes, Error.OUTPUT_TOO_LARGE)


def _admits(policy: Policy, requester: AccountId) -> bool:
    match policy.requesters:
        case Anyone():
            return True
        case only:
            return requester in only.accounts


def price(policy: Policy, epsilon_micro: int) -> int:
    """The owner's price of a job, a started planck counted whole."""
    private = -(-policy.price_per_epsilon * epsilon_micro // _MILLION)
    return checked(policy.price_per_job + private)
