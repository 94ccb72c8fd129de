"""Weights of Datasets, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 61.5 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Datasets --steps 10 --repeat 15
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 50.6 µs where it is dearest, at worst 121.8 µs
        "reserve": Measured(50_590_319, 3_513, reads=1, writes=1),
        # 4.02 ms where it is dearest, at worst 17.2 ms
        "publish": Sloped(
            Measured(544_500_591, 76_397, reads=30, writes=29),
            {
                "tags": Measured(5_963_743),
                "contents": Measured(25_643_871, 5_192, reads=2, writes=2),
            },
        ),
        # 7.61 ms where it is dearest, at worst 7.87 ms
        "publish_anonymous": Sloped(
            Measured(673_335_504, 89_005, reads=35, writes=30),
            {
                "contents": Measured(55_563_813, 5_192, reads=2, writes=2),
            },
        ),
        # 4.02 ms where it is dearest, at worst 4.39 ms
        "publish_revision": Sloped(
            Measured(455_617_815, 76_915, reads=30, writes=22),
            {
                "contents": Measured(27_300_664, 5_242, reads=2, writes=2),
            },
        ),
        # 87.3 µs where it is dearest, at worst 151.3 µs
        "transfer_publisher": Measured(87_305_376, 4_201, reads=1, writes=1),
        # 877.2 µs where it is dearest, at worst 1.11 ms
        "cite": Sloped(
            Measured(87_825_987, 9_861, reads=3, writes=1),
            {
                "uses": Measured(12_242_645, 3_161, reads=1, writes=1),
            },
        ),
        # 171.0 µs where it is dearest, at worst 237.6 µs
        "tag_revision": Measured(171_042_869, 12_458, reads=4, writes=2),
        # 186.6 µs where it is dearest, at worst 287.7 µs
        "deprecate": Measured(186_632_209, 28_332, reads=10, writes=5),
        # 325.6 µs where it is dearest, at worst 601.5 µs
        "register_private": Measured(325_605_922, 31_331, reads=12, writes=12),
        # 118.8 µs where it is dearest, at worst 239.4 µs
        "set_policy": Measured(118_792_979, 9_953, reads=2, writes=1),
        # 99.8 µs where it is dearest, at worst 131.0 µs
        "extend_budget": Measured(99_765_351, 9_953, reads=2, writes=1),
    }
)
