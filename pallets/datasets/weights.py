"""Weights of Datasets, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 48.5 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Datasets --steps 10 --repeat 10
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 163.7 µs where it is dearest, at worst 299.4 µs
        "publish": Sloped(
            Measured(158_901_244, 28_856, reads=11, writes=5),
            {
                "tags": Measured(133_507),
            },
        ),
        # 160.8 µs where it is dearest, at worst 173.6 µs
        "publish_revision": Measured(160_781_425, 29_886, reads=11, writes=4),
        # 116.7 µs where it is dearest, at worst 160.4 µs
        "tag_revision": Measured(116_697_771, 11_912, reads=4, writes=2),
        # 97.4 µs where it is dearest, at worst 131.4 µs
        "deprecate": Measured(97_426_454, 23_098, reads=8, writes=1),
        # 211.9 µs where it is dearest, at worst 308.8 µs
        "register_private": Measured(202_557_083, 28_856, reads=11, writes=6),
        # 93.4 µs where it is dearest, at worst 111.7 µs
        "set_policy": Measured(93_356_201, 9_953, reads=2, writes=1),
        # 75.0 µs where it is dearest, at worst 106.3 µs
        "extend_budget": Measured(75_042_659, 9_953, reads=2, writes=1),
    }
)
