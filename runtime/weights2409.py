"""What calls weigh in stable2409 (and stable2407): the figures that its pallets publish."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tilth.frame import CallWeight, Measured, Weight
from tilth.pallets.balances import Balances
from tilth.pallets.multisig import Multisig
from tilth.pallets.multisig.weights import Growing as WithSignatories
from tilth.pallets.proxy import Proxy
from tilth.pallets.proxy.weights import Growing as WithProxies
from tilth.pallets.session import Session
from tilth.pallets.sudo import Sudo
from tilth.pallets.system import System
from tilth.pallets.timestamp import Timestamp
from tilth.pallets.utility import Utility

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
    count = min(subkeys + 1, 2**32 - 1)
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
_PAUSED: Final = 3_997  # the proof that nothing is paused

UTILITY: Final[Weights] = MappingProxyType(
    {
        "batch": Measured(2_694_370, _PAUSED, reads=2),
        "batch_each": Measured(5_005_941),
        "as_derivative": Measured(9_639_000, _PAUSED, reads=2),
        "batch_all": Measured(12_948_874, _PAUSED, reads=2),
        "batch_all_each": Measured(5_162_821),
        "dispatch_as": Measured(7_452_000),
        "force_batch": Measured(4_879_712, _PAUSED, reads=2),
        "force_batch_each": Measured(4_955_816),
    }
)


def _operation(ref_time: int, reads: int = 1, writes: int = 1) -> Measured:
    return Measured(ref_time, 6_811, reads=reads, writes=writes)


MULTISIG: Final[Weights] = MappingProxyType(
    {
        "as_multi_threshold_1": WithSignatories(Measured(21_362_808, _PAUSED, reads=2), 0, 432),
        "as_multi_create": WithSignatories(_operation(31_518_927), 115_804, 1_442),
        "as_multi_approve": WithSignatories(_operation(17_806_361), 107_042, 1_491),
        "as_multi_complete": WithSignatories(_operation(43_677_970, 4, 2), 154_697, 1_534),
        "approve_as_multi_create": WithSignatories(_operation(30_317_105), 109_792),
        "approve_as_multi_approve": WithSignatories(_operation(17_358_877), 99_194),
        "cancel_as_multi": WithSignatories(_operation(32_003_421), 108_567),
    }
)


def _granted(ref_time: int) -> Measured:
    return Measured(ref_time, 4_706, reads=1, writes=1)


def _pending(ref_time: int, reads: int) -> Measured:
    return Measured(ref_time, 5_698, reads=reads, writes=2)


PROXY: Final[Weights] = MappingProxyType(
    {
        "proxy": WithProxies(Measured(19_655_145, 4_706, reads=3), 36_306),
        "add_proxy": WithProxies(_granted(22_358_457), 64_322),
        "remove_proxy": WithProxies(_granted(22_579_308), 62_404),
        "remove_proxies": WithProxies(_granted(21_456_750), 45_387),
        "create_pure": WithProxies(_granted(23_878_644), 10_149),
        "kill_pure": WithProxies(_granted(22_067_418), 52_703),
        "announce": WithProxies(_pending(32_205_445, 3), 67_833, 167_596),
        "remove_announcement": WithProxies(_pending(22_666_821, 2), 18_799, 170_629),
        "reject_announcement": WithProxies(_pending(22_654_227, 2), 21_839, 168_822),
        "proxy_announced": WithProxies(_pending(41_812_078, 5), 79_539, 163_029),
    }
)
SESSION: Final[Weights] = MappingProxyType(
    {
        "set_keys": Measured(59_558_000, 17_759, reads=8, writes=7),
        "purge_keys": Measured(42_476_000, 5_282, reads=2, writes=7),
    }
)
BY_PALLET: Final[Mapping[type, Weights]] = MappingProxyType(
    {
        System: SYSTEM,
        Timestamp: TIMESTAMP,
        Balances: BALANCES,
        Sudo: SUDO,
        Utility: UTILITY,
        Multisig: MULTISIG,
        Proxy: PROXY,
        Session: SESSION,
    }
)
