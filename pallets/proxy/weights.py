"""Weights of proxy's calls: those that pallet_proxy of stable2503 publishes.

They are taken at the most proxies and announcements an account may have, as FRAME takes them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import CallWeight, Measured, replace, struct


@struct
class Growing:
    """A benchmark that grows with an account's proxies and announcements."""

    base: Measured
    each_proxy: int
    each_announcement: int = 0

    def __call__(self, proxies: int, announcements: int) -> Measured:
        more = self.each_proxy * proxies + self.each_announcement * announcements
        return replace(self.base, ref_time=self.base.ref_time + more)


def _proxies(ref_time: int) -> Measured:
    """What reads and writes an account's proxies."""
    return Measured(ref_time, 4_706, reads=1, writes=1)


def _pending(ref_time: int, reads: int) -> Measured:
    """What writes announcements and a balance."""
    return Measured(ref_time, 5_698, reads=reads, writes=2)


WEIGHTS: Final[Mapping[str, CallWeight]] = MappingProxyType(
    {
        "proxy": Growing(Measured(25_084_085, 4_706, reads=3), 33_574),
        "add_proxy": Growing(_proxies(28_296_216), 50_271),
        "remove_proxy": Growing(_proxies(28_379_566), 45_784),
        "remove_proxies": Growing(_proxies(25_821_878), 33_972),
        "create_pure": Growing(_proxies(29_662_728), 29_928),
        "kill_pure": Growing(_proxies(26_780_627), 33_085),
        "announce": Growing(_pending(38_080_636, 3), 28_872, 157_335),
        "remove_announcement": Growing(_pending(30_320_504, 2), 8_433, 158_572),
        "reject_announcement": Growing(_pending(29_754_384, 2), 9_607, 176_827),
        "proxy_announced": Growing(_pending(48_686_812, 5), 34_523, 171_107),
        "poke_deposit": Measured(47_972_000, 5_698, reads=3, writes=3),
    }
)
