"""Weights of balances' calls: those that pallet_balances of stable2503 publishes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tilth.frame import AccountId, CallWeight, Measured

_ACCOUNT: Final = 3_593  # the proof of one account
_BURN_ALLOW_DEATH: Final = Measured(30_219_000)
_BURN_KEEP_ALIVE: Final = Measured(20_720_000)


def _upgrade_accounts(_: Any, who: tuple[AccountId, ...]) -> Measured:
    count = len(who)
    return Measured(14_674_000 + 14_648_188 * count, 990 + 2_603 * count, reads=count, writes=count)


def _burn(_: Any, value: int, keep_alive: bool) -> Measured:
    # balances/src/lib.rs of stable2503 takes each branch's weight for the other's
    return _BURN_ALLOW_DEATH if keep_alive else _BURN_KEEP_ALIVE


WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "transfer_allow_death": Measured(48_834_000, _ACCOUNT, reads=1, writes=1),
        "force_transfer": Measured(49_519_000, 6_196, reads=2, writes=2),
        "transfer_keep_alive": Measured(39_051_000, _ACCOUNT, reads=1, writes=1),
        "transfer_all": Measured(48_209_000, _ACCOUNT, reads=1, writes=1),
        "force_unreserve": Measured(15_515_000, _ACCOUNT, reads=1, writes=1),
        "upgrade_accounts": _upgrade_accounts,
        "force_set_balance": Measured(19_206_000, _ACCOUNT, reads=1, writes=1),
        "force_adjust_total_issuance": Measured(5_351_000),
        "burn": _burn,
    }
)
