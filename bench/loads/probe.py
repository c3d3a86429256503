"""One unhurried client that wants its answers soon."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect
from bench.loads.requests import head_for
from bench.loads.securing import client_context, secured
from bench.machine import cpu_seconds
from bench.statistics import quantiles

INTERVAL_SECONDS = 0.004
ANSWER_SECONDS = 10.0
_HEAD = head_for(b"/")


def probe(
    *,
    address: Address,
    pid: int,
    seconds: float,
    steady: Notice,
    tls: bool = False,
    anew: bool = False,
    status: int = 200,
) -> dict[str, float]:
    """Send a request every few milliseconds, and tell how long the answers took.

    Args:
        tls: whether to speak TLS, on a connection that is kept.
        anew: whether each request has a connection of its own, which is part of what takes time.
        status: what it is answered with.
    """
    latencies = []
    with _connected(address, tls=tls) as kept:
        steady()
        cpu, since = cpu_seconds(pid), time.monotonic()
        until = since + seconds
        while (begin := time.monotonic()) < until:
            if anew:
                with _connected(address, tls=tls) as sock:
                    _ask(sock, status)
                    end = time.monotonic()
            else:
                _ask(kept, status)
                end = time.monotonic()
            latencies.append(1000 * (end - begin))
            time.sleep(max(0.0, begin + INTERVAL_SECONDS - end))
        busy = (cpu_seconds(pid) - cpu) / (time.monotonic() - since)
    half, most, worst = quantiles(latencies, 0.5, 0.99, 1.0)
    return {"p50_ms": half, "p99_ms": most, "max_ms": worst, "cpu_percent": 100 * busy}


@contextmanager
def _connected(address: Address, *, tls: bool) -> Iterator[socket.socket]:
    sock = connect(address)
    if tls:
        sock = secured(sock, client_context())
    with sock:
        sock.settimeout(ANSWER_SECONDS)
        yield sock


def _ask(sock: socket.socket, status: int) -> None:
    sock.sendall(_HEAD)
    answer = sock.recv(65536)
    if not answer.startswith(b"HTTP/1.1 %d " % status):
        raise Unmeasurable(f"the probe was not answered with a {status}: {answer[:200]!r}")
