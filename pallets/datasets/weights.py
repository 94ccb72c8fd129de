"""Weights of Datasets, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 52.2 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Datasets --steps 10 --repeat 10
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 133.0 µs where it is dearest, at worst 312.8 µs
        "reserve": Measured(132_964_510, 6_036, reads=2, writes=2),
        # 3.85 ms where it is dearest, at worst 4.87 ms
        "publish": Sloped(
            Measured(754_014_090, 76_397, reads=30, writes=29),
            {
                "tags": Measured(1_708_481),
                "contents": Measured(21_029_049, 5_192, reads=2, writes=2),
            },
        ),
        # 11.3 ms where it is dearest, at worst 22.6 ms
        "publish_anonymous": Sloped(
            Measured(1_953_787_425, 89_005, reads=35, writes=30),
            {
                "contents": Measured(73_960_645, 5_192, reads=2, writes=2),
            },
        ),
        # 3.07 ms where it is dearest, at worst 3.82 ms
        "publish_revision": Sloped(
            Measured(385_622_624, 77_062, reads=30, writes=22),
            {
                "contents": Measured(21_444_981, 5_242, reads=2, writes=2),
            },
        ),
        # 76.9 µs where it is dearest, at worst 91.7 µs
        "transfer_publisher": Measured(76_939_893, 4_201, reads=1, writes=1),
        # 913.2 µs where it is dearest, at worst 1.18 ms
        "cite": Sloped(
            Measured(82_269_637, 9_861, reads=3, writes=1),
            {
                "uses": Measured(12_137_167, 5_660, reads=2, writes=1),
            },
        ),
        # 193.1 µs where it is dearest, at worst 254.4 µs
        "tag_revision": Measured(193_066_814, 12_458, reads=4, writes=2),
        # 146.7 µs where it is dearest, at worst 190.6 µs
        "deprecate": Measured(146_729_306, 28_381, reads=10, writes=5),
        # 355.4 µs where it is dearest, at worst 728.8 µs
        "register_private": Sloped(
            Measured(296_797_360, 31_331, reads=12, writes=12),
            {
                "workers": Measured(2_894_057),
            },
        ),
        # 105.4 µs where it is dearest, at worst 139.2 µs
        "set_policy": Measured(105_398_054, 9_953, reads=2, writes=1),
        # 85.5 µs where it is dearest, at worst 127.6 µs
        "extend_budget": Measured(85_499_142, 9_953, reads=2, writes=1),
    }
)
