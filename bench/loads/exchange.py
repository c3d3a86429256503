"""Clients that keep their connections, and send the next request when the last was answered."""

from __future__ import annotations

import select
import time

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.loads.requests import heads, response_octets
from bench.machine import cpu_seconds
from bench.statistics import quantiles


def exchange(
    *,
    address: Address,
    pid: int,
    connections: int,
    seconds: float,
    varies: str,
    steady: Notice,
    target: str = "/?status=200",
) -> dict[str, float]:
    """Exchange requests and responses, and tell what one costs the server, and how long it takes.

    Args:
        target, varies: what is asked for (see `heads`).
    """
    exchanges = Exchanges(address, connections, target=target, varies=varies)
    exchanges.run(WARM_UP_SECONDS)
    steady()
    cpu, since = cpu_seconds(pid), time.monotonic()
    took = exchanges.run(seconds)
    if not took:
        raise Unmeasurable("the server answered no request")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / len(took) * 1e6,
        "per_second": len(took) / (time.monotonic() - since),
        "p99_ms": 1000 * quantiles(took, 0.99)[0],
    }


class Exchanges:
    """Connections with one request in flight on each."""

    def __init__(self, address: Address, connections: int, *, target: str, varies: str) -> None:
        self._heads = heads(target, varies)
        self._epoll = select.epoll()
        self._sockets = [connect(address) for _ in range(connections)]
        self._response_octets = response_octets(self._sockets[0], next(self._heads))
        for sock in self._sockets:
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            sock.setblocking(False)
            sock.send(next(self._heads))

    def run(self, seconds: float) -> list[float]:
        """Go on for so many seconds, leaving a request in flight on each connection.

        Returns:
            How long each response took, in seconds.
        """
        poll, monotonic, heads = self._epoll.poll, time.monotonic, self._heads
        by_fd = {sock.fileno(): (sock.recv, sock.send) for sock in self._sockets}
        missing = dict.fromkeys(by_fd, self._response_octets)
        expected = self._response_octets
        took: list[float] = []
        until = monotonic() + seconds
        asked = dict.fromkeys(by_fd, until - seconds)
        while monotonic() < until:
            events = poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
            for fd, _ in events:
                receive, send = by_fd[fd]
                octets = receive(65536)
                if len(octets) != expected:  # in pieces
                    missing[fd] -= len(octets)
                    if missing[fd] > 0 and octets:
                        continue
                    if missing[fd]:
                        raise Unmeasurable(f"a response of another length: {octets[:200]!r}")
                    missing[fd] = expected
                elif octets[9:12] != b"200":
                    raise Unmeasurable(f"not a 200: {octets[:200]!r}")
                now = monotonic()
                took.append(now - asked[fd])
                asked[fd] = now
                send(next(heads))
        return took
