"""What the kinds of proxy of a dev chain may do."""

from collections.abc import Collection
from enum import IntEnum
from typing import Any, final

from tilth.frame import Pallet, RuntimeCall, scale_enum


@scale_enum(path="tilth_runtime::ProxyType")
class ProxyType(IntEnum):
    ANY = 0
    NON_TRANSFER = 1
    DATASETS = 2
    COMPUTE = 3


@final
class DevPowers:
    """Each kind but the first may call some pallets only."""

    def __init__(
        self,
        *,
        spending: Collection[Pallet[Any, Any]],
        datasets: Collection[Pallet[Any, Any]],
        compute: Collection[Pallet[Any, Any]],
    ) -> None:
        """`spending` are the pallets by which an account's money can go to others."""
        self.most = ProxyType.ANY
        self._spending = spending
        self._own = {ProxyType.DATASETS: datasets, ProxyType.COMPUTE: compute}

    def allows(self, kind: ProxyType, call: RuntimeCall) -> bool:
        if kind is ProxyType.ANY:
            return True
        pallet = call.method.pallet_index
        if kind is ProxyType.NON_TRANSFER:
            return all(pallet != each.index for each in self._spending)
        return any(pallet == each.index for each in self._own[kind])

    def includes(self, kind: ProxyType, other: ProxyType) -> bool:
        return kind in (ProxyType.ANY, other)
