"""A process shuts itself in: no files, no network, no other process, bounded memory and time.

Linux only, standard library only. Landlock, seccomp and resource limits are required; namespaces
and an empty root are taken where the system grants them.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tilth.engine.syscalls import TABLES, Table

_NOBODY: Final = 65534

_LANDLOCK_CREATE: Final = 444  # the same number on every architecture
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_VERSION: Final = 1

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_GET_SECCOMP: Final = 21
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_FILTER: Final = 2
_CAPABILITIES_V3: Final = 0x20080522

_NAMESPACES: Final = (0x40000000, 0x08000000, 0x04000000, 0x00020000)  # net, ipc, uts, mount
_USER_NAMESPACE: Final = 0x10000000

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15
_JUMP_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_DENY: Final = 0x00050000 | 13  # with EACCES
_AT_NUMBER, _AT_ARCHITECTURE, _AT_THIRD_ARGUMENT = 0, 4, 32
_PROT_EXEC: Final = 4

_FILE_RIGHTS: Final = (13, 14, 15, 15, 16)  # how many rights each version of Landlock knows


@dataclass(frozen=True, slots=True)
class Confinement:
    """What this machine offers to hold a hostile model with."""

    landlock: int
    seccomp: bool

    @property
    def sufficient(self) -> bool:
        return self.landlock >= 1 and self.seccomp

    def __str__(self) -> str:
        landlock = f"Landlock {self.landlock}" if self.landlock else "no Landlock"
        return f"{landlock}, {'seccomp' if self.seccomp else 'no seccomp'}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one worker: bytes it may allocate beyond what it was born with, and processor seconds."""

    memory_bytes: int
    cpu_seconds: int


def confinement() -> Confinement:
    if not sys.platform.startswith("linux") or platform.machine() not in TABLES:
        return Confinement(landlock=0, seccomp=False)
    libc = _libc()
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    return Confinement(max(0, version), libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)


def confine(kept: set[int], empty_root: int, bounds: Bounds, *, required: bool) -> None:
    """Shut this process in, for good, with these descriptors. Do it before any untrusted byte.

    Raises `OSError` where a required lock does not close; the caller must then exit.
    """
    libc, offered = _libc(), confinement()
    open_descriptors = os.listdir("/proc/self/fd")  # while there still is a /proc
    parent, memory = os.getppid(), _memory_in_use() + bounds.memory_bytes
    _leave_namespaces(libc)
    _enter(empty_root)
    _close_all_but(kept, open_descriptors)
    _become_nobody(libc)
    _check(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))  # cleared by setuid before
    if os.getppid() != parent:
        os._exit(1)
    _check(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if required or offered.landlock:
        _deny_files(libc, offered.landlock)
    _limit(memory, bounds.cpu_seconds)
    if required or offered.seccomp:
        _allow_few_calls(libc, TABLES[platform.machine()])


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _close_all_but(kept: set[int], open_descriptors: list[str]) -> None:
    """Standard streams stay; they lead nowhere."""
    for name in open_descriptors:
        if int(name) not in {0, 1, 2, *kept}:
            with suppress(OSError):  # the listing's own
                os.close(int(name))


def _leave_namespaces(libc: ctypes.CDLL) -> None:
    """Those that the system grants: each is one more wall, none is the last."""
    if os.geteuid() != 0:
        libc.unshare(_USER_NAMESPACE)
    for namespace in _NAMESPACES:
        libc.unshare(namespace)


def unlinked_directory() -> int:
    """A directory that is empty for ever: it is open, but no path leads to it any more."""
    path = tempfile.mkdtemp()
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        os.rmdir(path)


def _enter(empty_root: int) -> None:
    os.fchdir(empty_root)
    with suppress(PermissionError):
        os.chroot(".")


def _become_nobody(libc: ctypes.CDLL) -> None:
    with suppress(PermissionError):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    header = struct.pack("=Ii", _CAPABILITIES_V3, 0)
    _check(libc.capset(header, bytes(24)))


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def _memory_in_use() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _deny_files(libc: ctypes.CDLL, version: int) -> None:
    """Handle every right this kernel knows and grant none: files, TCP, signals, local sockets."""
    files = (1 << _FILE_RIGHTS[min(version, len(_FILE_RIGHTS)) - 1]) - 1
    network = 3 if version >= 4 else 0
    scopes = 3 if version >= 6 else 0
    fields = struct.pack("=QQQ", files, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _check(libc.syscall(_LANDLOCK_CREATE, fields, size, 0))
    _check(libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0))
    os.close(ruleset)


def _allow_few_calls(libc: ctypes.CDLL, table: Table) -> None:
    program = _filter(table)
    buffer = ctypes.create_string_buffer(program, len(program))
    length = len(program) // _INSTRUCTION.size
    header = struct.pack("@HP", length, ctypes.addressof(buffer))
    _check(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, header, 0, 0))


_INSTRUCTION: Final = struct.Struct("=HBBI")


def _filter(table: Table) -> bytes:
    """The allow-list as classic BPF. x32 calls carry a high bit, match nothing and so kill."""
    lines = [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, table.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
    ]
    for number in table.allowed:
        lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in table.denied:
        lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    for number in table.memory:
        lines += [
            (_JUMP_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, _AT_THIRD_ARGUMENT),
            (_JUMP_ANY_BIT, 1, 0, _PROT_EXEC),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _KILL),
        ]
    lines.append((_RETURN, 0, 0, _KILL))
    return b"".join(_INSTRUCTION.pack(*line) for line in lines)
