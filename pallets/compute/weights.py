"""Weights of Compute, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 52.0 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Compute --steps 10 --repeat 10
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 139.0 µs where it is dearest, at worst 381.8 µs
        "register_worker": Measured(139_006_962, 6_036, reads=2, writes=2),
        # 89.1 µs where it is dearest, at worst 161.0 µs
        "unbond": Measured(89_102_568, 6_080, reads=2, writes=2),
        # 5.12 ms where it is dearest, at worst 6.01 ms
        "create_job": Measured(5_123_414_248, 33_132, reads=11, writes=5),
        # 107.8 µs where it is dearest, at worst 156.7 µs
        "claim_job": Measured(107_793_682, 15_258, reads=4, writes=4),
        # 1.60 ms where it is dearest, at worst 1.80 ms
        "start": Measured(1_603_781_582, 18_305, reads=5, writes=5),
        # 118.9 µs where it is dearest, at worst 157.8 µs
        "submit_result": Measured(118_853_495, 21_862, reads=8, writes=4),
        # 229.1 µs where it is dearest, at worst 282.7 µs
        "report_failure": Measured(229_060_215, 14_157, reads=5, writes=6),
        # 255.1 µs where it is dearest, at worst 372.4 µs
        "acknowledge": Measured(255_057_183, 24_264, reads=9, writes=8),
        # 184.2 µs where it is dearest, at worst 307.4 µs
        "finalize": Measured(184_166_254, 26_849, reads=10, writes=9),
        # 200.7 µs where it is dearest, at worst 223.8 µs
        "expire": Measured(200_721_106, 26_849, reads=10, writes=9),
        # 140.5 µs where it is dearest, at worst 195.5 µs
        "cancel": Measured(140_525_278, 9_451, reads=3, writes=4),
        # 8.08 ms where it is dearest, at worst 10.5 ms
        "on_initialize": Sloped(
            Measured(100_577_228, 18_622, reads=7, writes=5),
            {
                "jobs": Measured(119_748_280, 13_205, reads=5, writes=5),
            },
        ),
    }
)
