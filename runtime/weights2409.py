"""What calls weigh in stable2409 (and stable2407): the figures that its pallets publish."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tilth.frame import CallWeight, Measured, Weight
from tilth.pallets.balances import Balances
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import System
from tilth.pallets.timestamp import Timestamp

Weights = Mapping[str, CallWeight]

# frame/support/src/weights/{block,extrinsic}_weights.rs
BASE_BLOCK: Final = Weight(453_383_000, 0)
BASE_EXTRINSIC: Final = Weight(107_074_000, 0)

_ACCOUNT: Final = 3_593
_KEY: Final = 1_517
_SET_CODE: Final = Measured(81_880_651_000, 67_035, reads=2, writes=2)
_AUTHORIZE: Final = Measured(9_643_000, writes=1)
_BURN_ALLOW_DEATH: Final = Measured(30_968_000)
_BURN_KEEP_ALIVE: Final = Measured(20_711_000)


def _remark(_: Any, remark: bytes) -> Measured:
    return Measured(1_137_744 + 387 * len(remark))


def _remark_with_event(_: Any, remark: bytes) -> Measured:
    return Measured(2_562_415 + 1_391 * len(remark))


def _set_storage(_: Any, items: tuple[Any, ...]) -> Measured:
    return Measured(2_192_000 + 742_610 * len(items), writes=len(items))


def _kill_storage(_: Any, keys: tuple[bytes, ...]) -> Measured:
    return Measured(2_159_000 + 569_424 * len(keys), writes=len(keys))


def _kill_prefix(_: Any, prefix: bytes, subkeys: int) -> Measured:
    count = subkeys + 1
    proof_size = 134 + 70 * count
    return Measured(4_172_000 + 1_227_281 * count, proof_size, reads=count, writes=count)


def _upgrade_accounts(_: Any, who: tuple[Any, ...]) -> Measured:
    count = len(who)
    return Measured(16_588_000 + 13_973_659 * count, 990 + 2_603 * count, reads=count, writes=count)


def _burn(_: Any, value: int, keep_alive: bool) -> Measured:
    # balances/src/lib.rs takes each branch's weight for the other's
    return _BURN_ALLOW_DEATH if keep_alive else _BURN_KEEP_ALIVE


SYSTEM: Final[Weights] = MappingProxyType(
    {
        "remark": _remark,
        "set_heap_pages": Measured(4_109_000, 1_485, reads=1, writes=2),
        "set_code": _SET_CODE,
        "set_code_without_checks": _SET_CODE,
        "set_storage": _set_storage,
        "kill_storage": _kill_storage,
        "kill_prefix": _kill_prefix,
        "remark_with_event": _remark_with_event,
        "authorize_upgrade": _AUTHORIZE,
        "authorize_upgrade_without_checks": _AUTHORIZE,
        "apply_authorized_upgrade": Measured(87_636_595_000, 67_035, reads=3, writes=3),
    }
)
TIMESTAMP: Final[Weights] = MappingProxyType(
    {
        "set": Measured(8_684_000, 1_493, reads=2, writes=1),
        "on_finalize": Measured(4_118_000),
    }
)
BALANCES: Final[Weights] = MappingProxyType(
    {
        "transfer_allow_death": Measured(48_363_000, _ACCOUNT, reads=1, writes=1),
        "force_transfer": Measured(49_944_000, 6_196, reads=2, writes=2),
        "transfer_keep_alive": Measured(38_159_000, _ACCOUNT, reads=1, writes=1),
        "transfer_all": Measured(47_385_000, _ACCOUNT, reads=1, writes=1),
        "force_unreserve": Measured(17_233_000, _ACCOUNT, reads=1, writes=1),
        "upgrade_accounts": _upgrade_accounts,
        "force_set_balance": Measured(19_929_000, _ACCOUNT, reads=1, writes=1),
        "force_adjust_total_issuance": Measured(6_594_000),
        "burn": _burn,
    }
)
SUDO: Final[Weights] = MappingProxyType(
    {
        "sudo": Measured(10_729_000, _KEY, reads=1),
        "sudo_as": Measured(11_003_000, _KEY, reads=1),
        "set_key": Measured(9_663_000, _KEY, reads=1, writes=1),
        "remove_key": Measured(9_127_000, _KEY, reads=1, writes=1),
    }
)
BY_PALLET: Final[Mapping[type, Weights]] = MappingProxyType(
    {System: SYSTEM, Timestamp: TIMESTAMP, Balances: BALANCES, Sudo: SUDO}
)
