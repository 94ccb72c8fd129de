"""Eras: what each had to give, which fees it saw, and whose data burned them."""

from typing import Final, TypedDict

from tilth.node.service import Node
from tilth.pallets.rewards import Rewards, era_pool
from tilth.rpc.explorer.market import pallet, reading

_SHOWN_DATASETS: Final = 5


class EarnerJson(TypedDict):
    dataset: int
    name: str
    fees: str


class EraJson(TypedDict):
    """An era; of the one that is not over, `pool` is what it will have to give."""

    era: int
    pool: str
    fees: str
    claimed: str
    earners: list[EarnerJson]


class RewardsJson(TypedDict):
    era: int
    started: int
    length: int
    issued: str
    cap: str
    eras: list[EraJson]


def eras(node: Node, count: int) -> RewardsJson:
    """The last ones, the one that is not over first."""
    rewards = pallet(node, Rewards)
    with reading(node):
        active, issued = rewards.current_era.get(), rewards.issued.get()
        first = max(active.index - count + 1, 0)
        pool = era_pool(rewards.base_issuance, rewards.issuance_cap, issued)
        return {
            "era": active.index,
            "started": active.started,
            "length": rewards.era_length,
            "issued": str(issued),
            "cap": str(rewards.issuance_cap),
            "eras": [
                _era(node, rewards, era, pool if era == active.index else None)
                for era in range(active.index, first - 1, -1)
            ],
        }


def _era(node: Node, rewards: Rewards, era: int, pool: int | None) -> EraJson:
    info = rewards.era_info[era]
    return {
        "era": era,
        "pool": str(info.pool if pool is None else pool),
        "fees": str(info.fees),
        "claimed": str(info.claimed),
        "earners": _earners(node, rewards, era),
    }


def _earners(node: Node, rewards: Rewards, era: int) -> list[EarnerJson]:
    burned = sorted(rewards.fees_burned.items(era), key=lambda each: -each[1])
    named = [(number, node.catalogue.info(number), fees) for (_, number), fees in burned]
    return [
        {"dataset": number, "name": "" if info is None else info.name, "fees": str(fees)}
        for number, info, fees in named[:_SHOWN_DATASETS]
    ]
