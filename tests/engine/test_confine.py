"""Escape attempts from a confined process, as root and as an ordinary user."""

import json
import os
import signal
import subprocess
import sys
from functools import cache

import pytest

from tilth.engine.confine import Confinement, confinement

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)

# Runs in a fresh interpreter: for each attempt a fork confines itself, tries, and exits 0 if it got
# through, 13 if access was denied, 12 if memory was, 11 if a thread was.
SCRIPT = """
import ctypes, json, mmap, os, resource, socket, sys, threading
from tilth.engine.confine import Bounds, confine, unlinked_directory

libc = ctypes.CDLL(None, use_errno=True)
parent = os.getpid()
if sys.argv[1] == "user":
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
root = unlinked_directory()
secret = open(__import__("tilth.engine.confine").engine.confine.__file__)

page = ctypes.addressof(ctypes.create_string_buffer(9)) & ~4095

def spin():
    while True: pass

def must(result):
    if result < 0: raise OSError(ctypes.get_errno(), "denied")

ATTEMPTS = {
    "read a file": lambda: open("/etc/passwd").read(),
    "list a directory": lambda: os.listdir("/"),
    "make a file": lambda: open("/tmp/escaped", "w"),
    "read proc": lambda: open("/proc/self/environ").read(),
    "use an open file": lambda: secret.read(),
    "make a directory": lambda: os.mkdir("/x"),
    "open a socket": lambda: socket.socket(),
    "open a pair": lambda: socket.socketpair(),
    "fork": lambda: os.fork(),
    "start a thread": lambda: threading.Thread(target=print).start(),
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "kill the parent": lambda: os.kill(parent, 9),
    "trace the parent": lambda: must(libc.ptrace(16, parent, 0, 0)),
    "map executable pages": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "make pages executable": lambda: must(libc.mprotect(page, 4096, 5)),
    "become root": lambda: os.setuid(0),
    "leave the root": lambda: os.chroot("."),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_CPU, (99, 99)),
    "take much memory": lambda: bytearray(1 << 32),
    "compute for ever": spin,
    "make a memory file": lambda: os.memfd_create("x"),
    "load a bpf program": lambda: must(libc.syscall(321, 0, 0, 0)),
    "share memory": lambda: must(libc.shmget(1, 4096, 0o1666)),
    "call through the old table": lambda: must(libc.syscall(0x40000000 + 41, 2, 1, 0)),
    "work": lambda: sum(len(bytes(1 << 20)) for _ in range(50)),
}

outcomes = {}
for name, attempt in ATTEMPTS.items():
    keep, mine = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        keep.close()
        confine({mine.fileno()}, root, Bounds(256 << 20, 1), required=True)
        code = 0
        try:
            attempt()
        except MemoryError:
            code = 12
        except OSError as error:
            code = error.errno
        except RuntimeError:
            code = 11
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    outcomes[name] = os.waitstatus_to_exitcode(status)
print(json.dumps(outcomes))
"""

KILLED = -int(signal.SIGSYS)
EXPECTED: dict[str, set[int]] = {
    "read a file": {13},
    "list a directory": {13},
    "make a file": {13},
    "read proc": {13},
    "use an open file": {9},
    "make a directory": {KILLED},
    "open a socket": {KILLED},
    "open a pair": {KILLED},
    "fork": {KILLED},
    "start a thread": {11},
    "run a program": {KILLED},
    "kill the parent": {KILLED},
    "trace the parent": {KILLED},
    "map executable pages": {KILLED},
    "make pages executable": {KILLED},
    "become root": {KILLED},
    "leave the root": {KILLED},
    "raise a limit": {13},
    "take much memory": {12},
    "compute for ever": {-int(signal.SIGXCPU)},
    "make a memory file": {KILLED},
    "load a bpf program": {KILLED},
    "share memory": {KILLED},
    "call through the old table": {KILLED},
    "work": {0},
}

USERS = ["root", "user"] if os.geteuid() == 0 else ["myself"]


@cache
def _outcomes(user: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, user],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, int] = json.loads(done.stdout)
    return outcomes


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("attempt", EXPECTED)
def test_an_escape_fails(attempt: str, user: str) -> None:
    assert _outcomes(user)[attempt] in EXPECTED[attempt]


LANDLOCK = """
import ctypes, socket, sys
from tilth.engine import confine
listener = socket.create_server(("127.0.0.1", 0))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
confine._deny_files(libc, confine.confinement().landlock)
for attempt in (lambda: open("/etc/passwd"), lambda: __import__("os").listdir("/"),
                lambda: socket.create_connection(listener.getsockname())):
    try:
        attempt()
        print("open")
    except PermissionError:
        print("shut")
"""


def test_landlock_alone_shuts_files_and_the_network() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LANDLOCK], capture_output=True, text=True, check=True
    )

    network = "shut" if confinement().landlock >= 4 else "open"
    assert done.stdout.split() == ["shut", "shut", network]


def test_a_machine_needs_both_locks() -> None:
    assert Confinement(landlock=1, seccomp=True).sufficient
    assert not Confinement(landlock=0, seccomp=True).sufficient
    assert not Confinement(landlock=7, seccomp=False).sufficient
    assert str(Confinement(landlock=0, seccomp=True)) == "no Landlock, seccomp"
