"""Weights of multisig's calls: those that pallet_multisig of stable2503 publishes.

Each has a fixed part, a part for every other signatory and one for every byte of the call.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured, replace, struct


@struct
class Growing:
    """A benchmark that grows with the signatories and with the call's length."""

    base: Measured
    each_signatory: int = 0
    each_byte: int = 0

    def __call__(self, signatories: int, length: int) -> Measured:
        more = self.each_signatory * signatories + self.each_byte * length
        return replace(self.base, ref_time=self.base.ref_time + more)


def _one(ref_time: int) -> Measured:
    """What reads and writes one operation."""
    return Measured(ref_time, 6_811, reads=1, writes=1)


WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "as_multi_threshold_1": Growing(Measured(20_470_382, 3_997, reads=2), 0, 397),
        "as_multi_create": Growing(_one(29_976_762), 144_320, 1_819),
        "as_multi_approve": Growing(_one(14_821_348), 127_874, 1_968),
        "as_multi_complete": Growing(
            Measured(34_745_418, 6_811, reads=4, writes=2), 193_313, 2_057
        ),
        "approve_as_multi_create": Growing(_one(27_463_275), 139_226),
        "approve_as_multi_approve": Growing(_one(14_074_258), 126_544),
        "cancel_as_multi": Growing(_one(28_623_566), 135_351),
        "poke_deposit": Growing(_one(27_349_525), 121_813),
    }
)
