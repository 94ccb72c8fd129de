"""Eras: how long publishers' fees are gathered before they earn, and what an era has to give."""

from typing import TypeAlias

from tilth.frame import Balance, BlockNumber, struct, u32

EraIndex: TypeAlias = u32
DatasetId: TypeAlias = u32


@struct
class ActiveEra:
    index: EraIndex = 0
    started: BlockNumber = 0


@struct
class EraInfo:
    """`pool` is known once the era is over; `claimed` is what was minted of it."""

    pool: Balance = 0
    fees: Balance = 0
    claimed: Balance = 0


@struct
class Unclaimed:
    era: EraIndex
    amount: Balance
