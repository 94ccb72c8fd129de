"""`tilth vault offer`: a table is offered to computation, on terms that are shown first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tilth.cli.clients import GRPC, URL, Grpc, Key, Url, Yes, confirm, run, signer
from tilth.cli.secret_uri import secret_uri
from tilth.cli.vault import FOLDER, Folder, NotNow, existing_vault
from tilth.runtime.presets import DEV_WORKER
from tilth.sdk.client import Client
from tilth.sdk.frames import key_pair
from tilth.sdk.terms import Budget, Policy
from tilth.sdk.token import Token
from tilth.sdk.wire import MICRO, PICO
from tilth.vault import EpsilonCap, Registration, Vault

if TYPE_CHECKING:
    from substrateinterface import Keypair

_FEES: Final = 1
"""Whole tokens that a worker has beyond its bond to begin with: some hundred transactions."""


@dataclass(frozen=True, slots=True)
class _Offer:
    name: str
    description: str
    licence: str
    registration: Registration
    policy: Policy
    budget: Budget
    token: Token


def offer(
    table: str,
    /,
    *,
    name: str,
    price_per_job: float,
    price_per_epsilon: float,
    max_epsilon: float,
    max_params: int = 1_000_000,
    max_output_bytes: int = 10_000_000,
    approval_window: int | None = None,
    description: str = "",
    licence: str = "LicenseRef-Private",
    key: Key = None,
    worker_key: str = DEV_WORKER,
    yes: Yes = False,
    vault: Folder = FOLDER,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Offer a table to computation: models may come to its rows, the rows stay.

    Parameters
    ----------
    table
        Its name in the vault; what `tilth vault budget` says of it is what the chain grants.
    name
        What people look for.
    price_per_job
        In whole tokens.
    price_per_epsilon
        What privacy costs: for each unit of ε that a job takes.
    max_epsilon
        The most that one job may take.
    max_params
        The most parameters that a model may have.
    max_output_bytes
        The most bytes of one result.
    approval_window
        Approve every job by hand, within so many blocks.
    description
        A sentence or more.
    licence
        An SPDX expression.
    worker_key
        The account of the node that works on this vault, as that node is told.
    """

    def work(client: Client) -> None:
        token = Token.of(client.ask("system_properties"))
        policy = Policy(
            price_per_job=token.planck(price_per_job),
            price_per_epsilon=token.planck(price_per_epsilon),
            max_epsilon=max_epsilon,
            max_params=max_params,
            max_output_bytes=max_output_bytes,
            approval_window=approval_window,
        )
        keeper, owner = existing_vault(vault), signer(key)
        worker = key_pair(secret_uri(worker_key, "--worker-key"))
        known, budget = keeper.registration(table), _budget(keeper, table)
        offered = _Offer(name, description, licence, known, policy, budget, token)
        lacking = _lacking(client, worker, token)
        _show(offered, str(worker.ss58_address), lacking)
        if not yes:
            confirm("Offer it?", "nothing was offered")
        _send(client, offered, owner, worker, lacking)

    return run(url, grpc, work)


def _budget(keeper: Vault, table: str) -> Budget:
    """As the vault's own books have it: the chain's shall not be more generous."""
    declared = keeper.ledger(table).budget
    if declared is None or not isinstance(declared.privacy, EpsilonCap):
        raise NotNow(f"declare first what may be released: tilth vault budget {table} --epsilon 4")
    cap = declared.privacy
    return Budget(
        epsilon=cap.epsilon_micro / MICRO,
        delta=cap.delta_pico / PICO,
        output_bytes=declared.released_bytes,
    )


def _lacking(client: Client, worker: "Keypair", token: Token) -> int:
    """What the worker needs for its bond and first fees, and has not got."""
    address = worker.ss58_address
    if client.query("Compute", "Workers", address) is not None:
        return 0
    wanted = int(client.constant("Compute", "MinBond")) + token.planck(_FEES)
    return max(0, wanted - client.free_balance(address))


def _show(offered: _Offer, worker: str, lacking: int) -> None:
    policy, budget = offered.policy, offered.budget
    words = offered.token.words
    job, unit = words(policy.price_per_job), words(policy.price_per_epsilon)
    print(offered.registration.describe())
    print(f"The terms of {offered.name!r}:")
    print(f"  a job costs {job}, and {unit} for each unit of its ε")
    print(
        f"  a job takes at most ε {policy.max_epsilon:g}, and all of them ε {budget.epsilon:g} "
        f"at δ {budget.delta:g} and {budget.output_bytes:,} bytes of results"
    )
    if policy.approval_window is not None:
        print(f"  you approve each job, within {policy.approval_window} blocks")
    print(f"  {worker} works on it")
    if lacking:
        print(f"  it gets {words(lacking)} of you, for its bond and its first fees")


def _send(
    client: Client, offered: _Offer, owner: "Keypair", worker: "Keypair", lacking: int
) -> None:
    address = str(worker.ss58_address)
    if lacking:
        gift = {"dest": address, "value": lacking}
        client.submit(owner, "Balances", "transfer_keep_alive", gift)
    if client.query("Compute", "Workers", address) is None:
        client.register_worker(worker)
    number = client.register_private(
        owner,
        offered.registration,
        name=offered.name,
        policy=offered.policy,
        budget=offered.budget,
        workers=[address],
        spdx=offered.licence,
        description=offered.description,
    )
    print(f"{offered.name!r} is dataset {number}.")
