"""The system calls a confined worker may make, by processor."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers from the kernel's tables. `memory` is allowed unless it asks for executable pages;
    `denied` get an error, because libraries probe with them; all others kill."""

    architecture: int
    allowed: tuple[int, ...]
    memory: tuple[int, ...]
    denied: tuple[int, ...]


# allowed: read write close lseek poll(x86)/ppoll brk munmap mremap madvise rt_sigaction
# rt_sigprocmask rt_sigreturn sigaltstack sched_yield nanosleep clock_nanosleep clock_gettime
# gettimeofday getpid gettid sendto recvfrom futex sched_getaffinity getrandom getcpu getrusage
# membarrier rseq set_robust_list exit exit_group fstat
# denied: openat newfstatat statx faccessat faccessat2 readlinkat ioctl fcntl getdents64 prctl
# clone3 prlimit64 sysinfo uname getcwd dup, and on x86 open stat access readlink
_X86_64: Final = Table(
    architecture=0xC000003E,
    allowed=(
        *(0, 1, 3, 8, 7, 271, 12, 11, 25, 28, 13, 14, 15, 131, 24, 35, 230, 228, 96, 39, 186),
        *(44, 45, 202, 204, 318, 309, 98, 324, 334, 273, 60, 231, 5),
    ),
    memory=(9, 10),
    denied=(
        *(257, 262, 332, 269, 439, 267, 16, 72, 217, 157, 435, 302, 99, 63, 79, 32),
        *(2, 4, 21, 89),
    ),
)
_AARCH64: Final = Table(
    architecture=0xC00000B7,
    allowed=(
        *(63, 64, 57, 62, 73, 214, 215, 216, 233, 134, 135, 139, 132, 124, 101, 115, 113, 169, 172),
        *(178, 206, 207, 98, 123, 278, 168, 165, 283, 293, 99, 93, 94, 80),
    ),
    memory=(222, 226),
    denied=(56, 79, 291, 48, 439, 78, 29, 25, 61, 167, 435, 261, 179, 160, 17, 23),
)

TABLES: Final[Mapping[str, Table]] = MappingProxyType({"x86_64": _X86_64, "aarch64": _AARCH64})
