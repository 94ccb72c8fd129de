"""Weights of Compute, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 63.7 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Compute --steps 10 --repeat 20
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 82.6 µs where it is dearest, at worst 128.5 µs
        "register_worker": Measured(82_591_333, 6_036, reads=2, writes=2),
        # 75.0 µs where it is dearest, at worst 159.2 µs
        "unbond": Measured(75_038_382, 6_080, reads=2, writes=2),
        # 5.24 ms where it is dearest, at worst 7.45 ms
        "create_job": Measured(5_240_039_412, 25_524, reads=8, writes=5),
        # 104.2 µs where it is dearest, at worst 139.0 µs
        "claim_job": Measured(104_206_501, 15_258, reads=4, writes=4),
        # 1.97 ms where it is dearest, at worst 2.20 ms
        "start": Measured(1_969_563_323, 18_305, reads=5, writes=5),
        # 93.3 µs where it is dearest, at worst 144.3 µs
        "submit_result": Measured(93_251_403, 14_197, reads=5, writes=4),
        # 230.2 µs where it is dearest, at worst 1.07 ms
        "report_failure": Measured(230_207_843, 14_157, reads=5, writes=6),
        # 242.6 µs where it is dearest, at worst 328.4 µs
        "acknowledge": Measured(242_649_201, 24_264, reads=9, writes=8),
        # 236.2 µs where it is dearest, at worst 370.8 µs
        "finalize": Measured(236_240_550, 26_849, reads=10, writes=9),
        # 231.9 µs where it is dearest, at worst 416.1 µs
        "expire": Measured(231_882_523, 26_849, reads=10, writes=9),
        # 169.8 µs where it is dearest, at worst 222.6 µs
        "cancel": Measured(169_827_030, 9_451, reads=3, writes=4),
        # 8.32 ms where it is dearest, at worst 25.4 ms
        "on_initialize": Sloped(
            Measured(144_335_416, 18_622, reads=7, writes=5),
            {
                "jobs": Measured(127_722_378, 13_205, reads=5, writes=5),
            },
        ),
    }
)
