"""Clients that receive an octet or an event at regular times, and note when each comes."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect
from bench.machine import cpu_seconds, waited_seconds
from bench.statistics import quantiles

TICK_SECONDS = 0.001
OPENING_SECONDS = 1.0  # the least that all connects take, spread evenly
SETTLE_SECONDS = 1.5  # after the last connect, before anything is measured


@dataclass(slots=True)
class Dripped:
    """The octets of one connection that came during the measured time.

    Attributes:
        seen: the number of octets so far, also of those before the measured time.
        phases: each octet's arrival less the seconds that its place in the row accounts for.
    """

    seen: int = 0
    phases: list[float] = field(default_factory=list)


class Watch:
    """All connections, and the time at which each octet came."""

    def __init__(self, interval: float, mark: bytes = b"") -> None:
        self.interval = interval
        self.mark = mark
        self.measures = False
        self.dripped: list[Dripped] = []
        self._epoll = select.epoll()
        self._by_fd: dict[int, tuple[Dripped, Callable[[int], bytes]]] = {}

    def open(self, address: Address, request: bytes) -> None:
        sock = connect(address, len(self.dripped))
        sock.sendall(request)
        sock.setblocking(False)
        dripped = Dripped()
        self.dripped.append(dripped)
        self._by_fd[sock.fileno()] = dripped, sock.recv
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def run(self, seconds: float) -> None:
        """Note the octets that come within so many seconds."""
        poll, by_fd, monotonic = self._epoll.poll, self._by_fd, time.monotonic
        interval, measures, mark = self.interval, self.measures, self.mark
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            for fd, _ in poll(left, 64):
                dripped, receive = by_fd[fd]
                arrival = monotonic()
                octets = receive(4096)
                if not octets:
                    raise Unmeasurable("a connection ended while octets were expected")
                for _ in range(octets.count(mark) if mark else len(octets)):
                    dripped.seen += 1
                    if measures:
                        dripped.phases.append(arrival - dripped.seen * interval)


def drip(
    *,
    address: Address,
    pid: int,
    connections: int,
    seconds: float,
    steady: Notice,
    target: str = "/",
    interval: float = 1.0,
    mark: str = "",
) -> dict[str, float]:
    """Receive the octets of all connections, and return how late they were and the server's CPU.

    An octet's lateness counts from the time at which the promptest octet of its connection would have come
    in its place. So the figure shows drift and jitter, and the delay of the first octet does not shift the rest.

    Args:
        mark: the end of an event; with it, events are counted instead of octets.
    """
    watch = Watch(interval, mark.encode())
    request = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % target.encode()
    begin, opening = time.monotonic(), max(interval, OPENING_SECONDS)
    while (opened := len(watch.dripped)) < connections:
        due = int((time.monotonic() - begin + TICK_SECONDS) * connections / opening)
        for _ in range(min(connections, due) - opened):
            watch.open(address, request)
        watch.run(TICK_SECONDS)
    watch.run(SETTLE_SECONDS)
    steady()
    watch.measures = True
    cpu, waited, since = cpu_seconds(pid), waited_seconds(pid), time.monotonic()
    watch.run(seconds)
    cpu, waited = cpu_seconds(pid) - cpu, waited_seconds(pid) - waited
    wall = time.monotonic() - since
    return {
        **_lateness(watch),
        "cpu_us": cpu / sum(len(dripped.phases) for dripped in watch.dripped) * 1e6,
        "cpu_percent": 100 * cpu / wall,
        "waited_percent": 100 * waited / wall,
    }


def _lateness(watch: Watch) -> dict[str, float]:
    rows = [dripped.phases for dripped in watch.dripped if len(dripped.phases) > 1]
    if len(rows) < len(watch.dripped):
        raise Unmeasurable(
            f"{len(watch.dripped) - len(rows)} connections received fewer than two octets"
        )
    late = [1000 * (phase - min(phases)) for phases in rows for phase in phases]
    uneven = [1000 * abs(later - sooner) for phases in rows for sooner, later in pairwise(phases)]
    half, most, worst = quantiles(late, 0.5, 0.99, 1.0)
    (uneven_most,) = quantiles(uneven, 0.99)
    return {
        "late_p50_ms": half,
        "late_p99_ms": most,
        "late_max_ms": worst,
        "uneven_p99_ms": uneven_most,
    }
