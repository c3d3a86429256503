"""One client that makes few requests, and measures the latency of each."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect
from bench.loads.requests import closes, request_for
from bench.loads.securing import client_context, secured
from bench.machine import cpu_seconds
from bench.statistics import quantiles

INTERVAL_SECONDS = 0.004
ANSWER_SECONDS = 10.0
_REQUEST = request_for(b"/")


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
    """Send a request every few milliseconds, and return the latencies and how busy the server was.

    Args:
        tls: whether to speak TLS.
        anew: whether each request opens a connection of its own, whose time counts too.
        status: the status of each response.
    """
    latencies = []
    with ExitStack() as stack:
        kept = stack.enter_context(_connected(address, tls=tls))
        steady()
        cpu, since = cpu_seconds(pid), time.monotonic()
        until = since + seconds
        while (begin := time.monotonic()) < until:
            if anew:
                with _connected(address, tls=tls) as sock:
                    _ask(sock, status)
                    end = time.monotonic()
            else:
                answer = _ask(kept, status)
                end = time.monotonic()
                if closes(answer):  # the server allows only so many requests on one connection
                    kept = stack.enter_context(_connected(address, tls=tls))
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


def _ask(sock: socket.socket, status: int) -> bytes:
    sock.sendall(_REQUEST)
    answer = sock.recv(65536)
    if not answer.startswith(b"HTTP/1.1 %d " % status):
        raise Unmeasurable(f"the probe was not answered with a {status}: {answer[:200]!r}")
    return answer
