"""One unhurried client that wants its answers soon."""

from __future__ import annotations

import time

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect
from bench.loads.requests import head_for
from bench.machine import cpu_seconds
from bench.statistics import quantiles

INTERVAL_SECONDS = 0.004
ANSWER_SECONDS = 10.0


def probe(*, address: Address, pid: int, seconds: float, steady: Notice) -> dict[str, float]:
    """Send a request every few milliseconds, and tell how long the answers took."""
    sock = connect(address)
    sock.settimeout(ANSWER_SECONDS)
    head = head_for(b"/")
    latencies = []
    steady()
    cpu, since = cpu_seconds(pid), time.monotonic()
    until = since + seconds
    while (begin := time.monotonic()) < until:
        sock.send(head)
        if not sock.recv(65536).startswith(b"HTTP/1.1 200 "):
            raise Unmeasurable("the probe was not answered with a 200")
        end = time.monotonic()
        latencies.append(1000 * (end - begin))
        time.sleep(max(0.0, begin + INTERVAL_SECONDS - end))
    busy = (cpu_seconds(pid) - cpu) / (time.monotonic() - since)
    half, most, worst = quantiles(latencies, 0.5, 0.99, 1.0)
    return {"p50_ms": half, "p99_ms": most, "max_ms": worst, "cpu_percent": 100 * busy}
