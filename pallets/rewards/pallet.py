"""Rewards: each era pays publishers by the fees that their data burned, under a hard cap."""

from typing import Annotated, Protocol

from tilth.frame import (
    AccountId,
    Balance,
    BlockNumber,
    Bounded,
    Const,
    Currency,
    DefaultDoubleMap,
    DefaultMap,
    DefaultValue,
    ErrorEnum,
    Measured,
    Pallet,
    Perbill,
    RuntimeApi,
    Signed,
    StorageDoubleMap,
    Twox64,
    call,
    ensure,
    event,
    replace,
    some,
)
from tilth.pallets.rewards.api import RewardsApi
from tilth.pallets.rewards.issuance import BILLION, era_pool, share
from tilth.pallets.rewards.types import ActiveEra, DatasetId, EraIndex, EraInfo, Unclaimed
from tilth.pallets.rewards.weights import WEIGHTS


class Publishers(Protocol):
    """Knows whose dataset it is."""

    def publisher_of(self, dataset: int) -> AccountId | None: ...


@event
class EraStarted:
    """Fees count for a new era."""

    era: EraIndex


@event
class EraSettled:
    """An era is over: so much may be minted for the fees it saw, out of the pool it had."""

    era: EraIndex
    pool: Balance
    fees: Balance
    granted: Balance


@event
class Claimed:
    """A publisher's share of an era was minted."""

    era: EraIndex
    publisher: AccountId
    dest: AccountId
    amount: Balance


class Error(ErrorEnum):
    ERA_NOT_OVER = "The era is not over, so its shares are not known yet."
    NOTHING_TO_CLAIM = "The account's data burned no fee in this era, or its share was claimed."


class Rewards(Pallet[EraStarted | EraSettled | Claimed, Error]):
    weights = WEIGHTS

    currency: Currency
    publishers: Publishers
    era_length: Const[BlockNumber] = 600
    """Blocks of an era."""
    base_issuance: Const[Balance] = 1_000_000_000_000_000
    """An era's pool before the first halving."""
    issuance_cap: Const[Balance] = 10_000_000_000_000_000_000
    """Most that all eras together ever issue."""
    reward_limit: Const[Perbill] = Perbill(500_000_000)
    """Most that a burned fee earns, as a share of it; below one, or paying oneself would pay."""

    current_era = DefaultValue[ActiveEra]()
    """The era whose fees are gathered."""
    era_info = DefaultMap[Twox64[EraIndex], EraInfo]()
    """What each era had to give and gave."""
    fees_burned = DefaultDoubleMap[Twox64[EraIndex], Twox64[DatasetId], Balance]()
    """Fees that each dataset burned in an era."""
    accrued = StorageDoubleMap[AccountId, Twox64[EraIndex], Balance]()
    """Fees that a publisher's data burned in an era and that earned nothing yet."""
    issued = DefaultValue[Balance]()
    """What all eras that are over may mint, claimed or not."""

    @call(10)
    def claim(
        self,
        who: Signed,
        dest: AccountId | None,
        eras: Annotated[tuple[EraIndex, ...], Bounded(64)],
    ) -> None:
        """Have one's shares of past eras minted, to oneself or another account."""
        receiver = who if dest is None else dest
        ensure(eras, Error.NOTHING_TO_CLAIM)
        total = sum(self._claim(who, era, receiver) for era in eras)
        if total:
            self.currency.mint_into(receiver, total)

    def genesis(self) -> None:
        assert self.reward_limit.parts < BILLION, "a reward must be less than the fee behind it"

    def on_initialize(self, now: BlockNumber) -> Measured:
        active = self.current_era.get()
        if now - active.started < self.era_length:
            return Measured(0, reads=1)
        self._settle(active.index)
        self.current_era.put(ActiveEra(active.index + 1, now))
        self.emit(EraStarted(active.index + 1))
        return self.measured("on_initialize")

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (RewardsApi(self.runtime, self),)

    def record_fee(self, dataset: int, burned: int) -> None:
        """Count a fee that a use of the dataset has burned."""
        era = self.current_era.get().index
        info = self.era_info[era]
        self.era_info[era] = replace(info, fees=info.fees + burned)
        self.fees_burned[era, dataset] += burned
        publisher = self.publishers.publisher_of(dataset)
        if publisher is not None:
            earned = self.accrued.get((publisher, era)) or 0
            self.accrued[publisher, era] = earned + burned

    def unclaimed(self, publisher: AccountId) -> tuple[Unclaimed, ...]:
        """What the publisher can claim, by era."""
        current = self.current_era.get().index
        return tuple(
            Unclaimed(era, self._share(era, fees))
            for (_, era), fees in sorted(self.accrued.items(publisher))
            if era < current
        )

    def _settle(self, era: int) -> None:
        issued, info = self.issued.get(), self.era_info[era]
        pool = era_pool(self.base_issuance, self.issuance_cap, issued)
        granted = share(pool, info.fees, info.fees, self.reward_limit.parts)
        self.era_info[era] = replace(info, pool=pool)
        self.issued.put(issued + granted)
        self.emit(EraSettled(era, pool, info.fees, granted))

    def _claim(self, who: AccountId, era: int, dest: AccountId) -> int:
        ensure(era < self.current_era.get().index, Error.ERA_NOT_OVER)
        amount = self._share(era, some(self.accrued.take((who, era)), Error.NOTHING_TO_CLAIM))
        info = self.era_info[era]
        self.era_info[era] = replace(info, claimed=info.claimed + amount)
        self.emit(Claimed(era, who, dest, amount))
        return amount

    def _share(self, era: int, fees: int) -> int:
        info = self.era_info[era]
        return share(info.pool, fees, info.fees, self.reward_limit.parts)

    def try_state(self) -> None:
        eras = dict(self.era_info.items())
        assert self.issued.get() <= self.issuance_cap, "more was issued than there is"
        assert sum(e.claimed for e in eras.values()) <= self.issued.get(), "too much was claimed"
        open_shares = dict.fromkeys(eras, 0)
        for (_, era), fees in self.accrued.items():
            open_shares[era] += self._share(era, fees)
        burned = dict.fromkeys(eras, 0)
        for (era, _), fees in self.fees_burned.items():
            burned[era] += fees
        for era, info in eras.items():
            assert burned[era] == info.fees, f"era {era} lost fees"
            given = info.claimed + open_shares[era]
            assert given <= min(info.pool, info.fees), f"era {era} gives more than its pool"
