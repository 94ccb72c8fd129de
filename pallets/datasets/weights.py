"""Weights of Datasets, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 63.6 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Datasets --steps 10 --repeat 20
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 201.7 µs where it is dearest, at worst 842.4 µs
        "publish": Sloped(
            Measured(170_196_665, 18_725, reads=7, writes=5),
            {
                "tags": Measured(769_311),
            },
        ),
        # 148.6 µs where it is dearest, at worst 359.5 µs
        "publish_revision": Measured(148_587_256, 19_641, reads=7, writes=4),
        # 120.3 µs where it is dearest, at worst 134.1 µs
        "tag_revision": Measured(120_278_853, 11_912, reads=4, writes=2),
        # 92.1 µs where it is dearest, at worst 132.2 µs
        "deprecate": Measured(92_100_724, 15_319, reads=5, writes=1),
        # 224.1 µs where it is dearest, at worst 380.7 µs
        "register_private": Measured(194_451_592, 18_725, reads=7, writes=6),
        # 79.6 µs where it is dearest, at worst 191.5 µs
        "set_policy": Measured(79_649_815, 9_953, reads=2, writes=1),
        # 92.4 µs where it is dearest, at worst 206.4 µs
        "extend_budget": Measured(92_416_551, 9_953, reads=2, writes=1),
    }
)
