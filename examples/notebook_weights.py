"""Weights of Notebook, written by `tilth benchmark`: measure again instead of editing.

Measured on 2026-11-23 on 2 cores of Intel(R) Xeon(R) Processor, CPython 3.11.7. There an sr25519
verification took 60.8 µs; here it counts as 45 µs, and everything in proportion.
Command: tilth benchmark --runtime examples.notebook:NotebookRuntime --pallet Notebook --steps 10
--repeat 10 --write
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tilth.frame import Measured, Sloped

WEIGHTS: Final[Mapping[str, Measured | Sloped]] = MappingProxyType(
    {
        # 86.0 µs where it is dearest, at worst 146.3 µs
        "write": Sloped(
            Measured(18_795_970, writes=1),
            {
                "lines": Measured(696_292),
            },
        ),
    }
)
