"""Weights of system's calls and extensions: those that frame_system of stable2503 publishes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tilth.frame import CallWeight, Measured

_MIGRATIONS: Final = 67_035  # the proof of the cursor of multi-block migrations
_SET_CODE: Final = Measured(164_247_810_000, _MIGRATIONS, reads=1, writes=1)
_AUTHORIZE: Final = Measured(15_570_000, writes=1)


def _remark(_: Any, remark: bytes) -> Measured:
    return Measured(1_586_000 + 10_920 * len(remark))


def _remark_with_event(_: Any, remark: bytes) -> Measured:
    return Measured(4_725_000 + 12_386 * len(remark))


def _set_storage(_: Any, items: tuple[Any, ...]) -> Measured:
    return Measured(1_565_000 + 733_648 * len(items), writes=len(items))


def _kill_storage(_: Any, keys: tuple[bytes, ...]) -> Measured:
    return Measured(1_624_000 + 566_903 * len(keys), writes=len(keys))


def _kill_prefix(_: Any, prefix: bytes, subkeys: int) -> Measured:
    count = min(subkeys + 1, 2**32 - 1)
    return Measured(2_964_000 + 1_340_742 * count, 70 * count, reads=count, writes=count)


WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "remark": _remark,
        "set_heap_pages": Measured(2_836_000, writes=1),
        "set_code": _SET_CODE,
        "set_code_without_checks": _SET_CODE,
        "set_storage": _set_storage,
        "kill_storage": _kill_storage,
        "kill_prefix": _kill_prefix,
        "remark_with_event": _remark_with_event,
        "authorize_upgrade": _AUTHORIZE,
        "authorize_upgrade_without_checks": _AUTHORIZE,
        "apply_authorized_upgrade": Measured(166_858_158_000, _MIGRATIONS, reads=2, writes=2),
    }
)

# In what was recorded, only a mortal birth hash weighs proof: 8,675 bytes are those of check_nonce,
# weight_reclaim and the payment's extension.
EXTENSION_WEIGHTS: Final[Mapping[str, Measured]] = MappingProxyType(
    {
        "check_non_zero_sender": Measured(570_000),
        "check_spec_version": Measured(430_000),
        "check_tx_version": Measured(455_000),
        "check_genesis": Measured(3_577_000, reads=1),
        "check_mortality_immortal_transaction": Measured(6_605_000, reads=1),
        "check_mortality_mortal_transaction": Measured(6_703_000, 3_509, reads=1),
        "check_nonce": Measured(7_261_000, 3_593, reads=1, writes=1),
        "check_weight": Measured(3_006_000),
        "weight_reclaim": Measured(4_747_000, 1_489, reads=1, writes=1),
    }
)
