"""Weights of Datasets, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 61.7 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Datasets --steps 10 --repeat 20
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 37.3 µs where it is dearest, at worst 91.6 µs
        "reserve": Measured(37_338_354, 3_513, reads=1, writes=1),
        # 3.87 ms where it is dearest, at worst 5.73 ms
        "publish": Sloped(
            Measured(501_590_421, 76_397, reads=30, writes=29),
            {
                "contents": Measured(24_416_755, 5_192, reads=2, writes=2),
            },
        ),
        # 7.21 ms where it is dearest, at worst 8.18 ms
        "publish_anonymous": Sloped(
            Measured(656_681_186, 89_005, reads=35, writes=30),
            {
                "contents": Measured(54_799_870, 5_192, reads=2, writes=2),
            },
        ),
        # 3.81 ms where it is dearest, at worst 4.28 ms
        "publish_revision": Sloped(
            Measured(445_684_931, 76_915, reads=30, writes=22),
            {
                "contents": Measured(28_434_898, 5_242, reads=2, writes=2),
            },
        ),
        # 65.1 µs where it is dearest, at worst 124.3 µs
        "transfer_publisher": Measured(65_099_425, 4_201, reads=1, writes=1),
        # 863.5 µs where it is dearest, at worst 1.14 ms
        "cite": Sloped(
            Measured(107_420_739, 9_861, reads=3, writes=1),
            {
                "uses": Measured(10_788_681, 3_161, reads=1, writes=1),
            },
        ),
        # 168.4 µs where it is dearest, at worst 270.9 µs
        "tag_revision": Measured(168_418_290, 12_458, reads=4, writes=2),
        # 176.6 µs where it is dearest, at worst 286.2 µs
        "deprecate": Measured(176_605_227, 28_332, reads=10, writes=5),
        # 340.4 µs where it is dearest, at worst 593.1 µs
        "register_private": Sloped(
            Measured(284_814_176, 31_331, reads=12, writes=12),
            {
                "workers": Measured(785_888),
            },
        ),
        # 125.1 µs where it is dearest, at worst 319.9 µs
        "set_policy": Measured(125_122_180, 9_953, reads=2, writes=1),
        # 100.3 µs where it is dearest, at worst 197.4 µs
        "extend_budget": Measured(100_265_241, 9_953, reads=2, writes=1),
    }
)
