"""Weights of Compute, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 60.5 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime tilth.runtime:DevRuntime --pallet Compute --steps 10 --repeat 10
--write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 112.4 µs where it is dearest, at worst 315.5 µs
        "register_worker": Measured(112_416_921, 6_036, reads=2, writes=2),
        # 80.6 µs where it is dearest, at worst 123.4 µs
        "unbond": Measured(80_648_150, 6_080, reads=2, writes=3),
        # 29.4 µs where it is dearest, at worst 33.4 µs
        "set_sealing_key": Measured(29_369_134, 3_534, reads=1, writes=1),
        # 85.1 µs where it is dearest, at worst 112.7 µs
        "approve_job": Measured(85_137_538, 3_916, reads=1, writes=2),
        # 191.5 µs where it is dearest, at worst 242.1 µs
        "reject_job": Measured(191_485_494, 12_076, reads=4, writes=6),
        # 129.7 µs where it is dearest, at worst 150.2 µs
        "deliver_model": Measured(129_744_713, 22_008, reads=8, writes=4),
        # 91.4 µs where it is dearest, at worst 130.5 µs
        "beat": Measured(91_445_243, 6_499, reads=2, writes=3),
        # 274.2 µs where it is dearest, at worst 431.3 µs
        "dispute": Measured(274_218_969, 14_098, reads=5, writes=3),
        # 359.4 µs where it is dearest, at worst 397.2 µs
        "judge": Measured(359_359_684, 38_310, reads=13, writes=10),
        # 5.81 ms where it is dearest, at worst 6.37 ms
        "create_job": Measured(5_813_423_484, 40_835, reads=14, writes=5),
        # 133.1 µs where it is dearest, at worst 189.5 µs
        "claim_job": Measured(133_088_358, 15_306, reads=4, writes=4),
        # 1.99 ms where it is dearest, at worst 2.10 ms
        "start": Measured(1_994_878_821, 18_353, reads=5, writes=5),
        # 131.5 µs where it is dearest, at worst 161.9 µs
        "submit_result": Measured(131_479_873, 22_015, reads=8, writes=5),
        # 269.7 µs where it is dearest, at worst 307.3 µs
        "report_failure": Measured(269_690_720, 16_727, reads=6, writes=8),
        # 227.5 µs where it is dearest, at worst 317.3 µs
        "acknowledge": Measured(227_512_051, 26_827, reads=10, writes=9),
        # 231.9 µs where it is dearest, at worst 295.4 µs
        "finalize": Measured(231_882_451, 29_412, reads=11, writes=10),
        # 260.1 µs where it is dearest, at worst 381.8 µs
        "expire": Measured(260_140_044, 29_412, reads=11, writes=10),
        # 190.2 µs where it is dearest, at worst 207.6 µs
        "cancel": Measured(190_169_040, 9_491, reads=3, writes=5),
        # 8.41 ms where it is dearest, at worst 20.5 ms
        "on_initialize": Sloped(
            Measured(190_946_882, 18_622, reads=7, writes=5),
            {
                "jobs": Measured(124_784_648, 15_768, reads=6, writes=6),
            },
        ),
    }
)
