"""Ways to reset a connection of other processes: those of netsplode and of its peers."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import netsplode
from bench.errors import Unmeasurable
from bench.machine import preparation

Address = tuple[str, int]
Begun = tuple[float, bool]
"""The time of the start, and True if the tool reports success."""
Way = Callable[[Address, Address, float], AbstractContextManager[Begun]]


@contextmanager
def _ours(local: Address, remote: Address, limit: float, **arguments: object) -> Iterator[Begun]:
    call = partial(netsplode.reset_connection, local, remote, timeout=limit, **arguments)
    began = time.monotonic()
    try:
        result = call()
    except netsplode.NetsplodeError:
        yield began, False
    else:
        yield began, result.is_confirmed


@contextmanager
def _tcpkill(local: Address, remote: Address, limit: float) -> Iterator[Begun]:
    """Start tcpkill, whose start counts, because every user of it has to wait for that."""
    program = tcpkill()
    both = " and ".join(f"host {host} and port {port}" for host, port in (local, remote))
    began = time.monotonic()
    with subprocess.Popen(
        [program, "-i", "lo", "-9", both],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=preparation(None),
    ) as process:
        try:
            yield began, True
        finally:
            process.kill()


@contextmanager
def _sniff_once(local: Address, remote: Address, limit: float) -> Iterator[Begun]:
    from bench.peers.sniff_once import sniff_and_reset

    began = time.monotonic()
    sniff_and_reset(local, remote, limit)
    yield began, True


def tcpkill() -> str:
    """Find the program tcpkill.

    Raises:
        Unmeasurable: the program is missing.
    """
    found = shutil.which("tcpkill") or shutil.which("tcpkill", path="/usr/sbin")
    if found is None:
        raise Unmeasurable("the command tcpkill is missing (Debian has it in the package dsniff)")
    return found


WAYS: dict[str, Way] = {
    "auto": _ours,
    "rst": partial(_ours, technique="rst"),
    "auto, verified": partial(_ours, verify=True),
    "rst, verified": partial(_ours, technique="rst", verify=True),
    "rst, forwarded": partial(_ours, technique="rst", forwarded=True),
    "tcpkill -9": _tcpkill,
    "scapy, sniff once": _sniff_once,
}
