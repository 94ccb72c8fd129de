"""A process that has everything imported and bears confined workers, one for each job.

It is started anew by the engine, so it shares no memory with the node, and it never reads a byte
that an author wrote: it forks first, and the child shuts itself in before it listens.
"""

import gc
import json
import os
import signal
import socket
import time
from typing import Any, Final

from tilth.engine import compiler, shared, templates, wire, worker
from tilth.engine.confine import Bounds, confine, unlinked_directory
from tilth.engine.layout import SLOTS
from tilth.engine.spec import Limits

LONGEST_ORDER: Final = 4096


def main(descriptor: int) -> None:
    """Obey orders from the engine until it goes away."""
    control = socket.socket(fileno=descriptor)
    empty_root = unlinked_directory()
    _warm_up()
    gc.collect()
    gc.freeze()  # the collector no longer writes to the pages that workers share
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)  # until here the engine listens to what may go wrong
    threads = len(os.listdir("/proc/self/task"))
    _reply(control, threads=threads, providers=worker.providers())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LONGEST_ORDER, 2)
        if not message:
            return
        order = json.loads(message)
        if descriptors:
            _reply(control, pid=_bear(control, empty_root, order, *descriptors))
        else:
            _reply(control, **_bury(order["pid"], order["grace"]))


def _warm_up() -> None:
    """Run what a worker will run: a jail has no files, so nothing may be left to load in it."""
    program = compiler.training(templates.mlp(2, (2,), 2), "softmax_cross_entropy", Limits())
    job = worker.Job(program, 0)
    job.layout.to_json()
    memory = shared.created()
    with shared.sized(memory, shared.size_of(job.layout, SLOTS)):
        job.prepare(SLOTS, memory)
        job.run()
    os.close(memory)


def _bear(
    control: socket.socket, empty_root: int, order: dict[str, Any], line: int, memory: int
) -> int:
    pid = os.fork()
    if pid:
        os.close(line)
        os.close(memory)
        return pid
    control.close()
    end = socket.socket(fileno=line)
    bounds = Bounds(order["memory_bytes"], order["cpu_seconds"])
    try:
        if order["confined"]:  # a graphics card's driver runs in no jail: the owner gave it up
            confine({line, memory}, empty_root, bounds, required=order["required"])
    except OSError:
        os._exit(wire.EXIT_NOT_CONFINED)
    worker.serve(end, memory, Limits(**order["limits"]))
    os._exit(0)


def _bury(pid: int, grace: float) -> dict[str, Any]:
    """How a worker ended; one that is still there after the grace is killed."""
    until = time.monotonic() + grace
    done, status = os.waitpid(pid, os.WNOHANG)
    while not done and time.monotonic() < until:
        time.sleep(0.002)
        done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "killed": not done}


def _reply(control: socket.socket, **fields: Any) -> None:
    control.send(json.dumps(fields).encode())
