"""Clients that ask at a fixed rate, whether answers come or not."""

from __future__ import annotations

import select
import time
from collections import deque
from statistics import median

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.loads.requests import heads, response_octets
from bench.statistics import quantiles

SLICE_SECONDS = 0.1


def pace(
    *,
    address: Address,
    connections: int,
    seconds: float,
    rate: float,
    varies: str,
    steady: Notice,
    target: str = "/",
) -> dict[str, float]:
    """Ask ``rate`` times a second, and tell how long after its time each request was answered.

    A request that has to wait for a connection, because all of them wait for answers, is late as one that
    waits in the server. The client polls without sleeping, so that nobody has to wake it.

    Args:
        target, varies: what is asked for (see `heads`).
    """
    paced = Paced(address, connections, target=target, varies=varies)
    paced.run(WARM_UP_SECONDS, rate)
    steady()
    took = paced.run(seconds, rate)
    if not took:
        raise Unmeasurable("no request was due")
    half, worst = quantiles(took, 0.5, 1.0)
    return {"p50_ms": 1000 * half, "p99_ms": 1000 * _usual_p99(took, rate), "max_ms": 1000 * worst}


def _usual_p99(took: list[float], rate: float) -> float:
    """The median of what 99 in 100 take in each short slice of time, however long the machine was away in some."""
    in_slice = max(1, int(rate * SLICE_SECONDS))
    slices = [took[at : at + in_slice] for at in range(0, len(took) - in_slice + 1, in_slice)]
    return median(quantiles(slice_, 0.99)[0] for slice_ in slices or [took])


class Paced:
    """Connections that take turns to ask."""

    def __init__(self, address: Address, connections: int, *, target: str, varies: str) -> None:
        self._heads = heads(target, varies)
        self._epoll = select.epoll()
        sockets = [connect(address) for _ in range(connections)]
        self._response_octets = response_octets(sockets[0], next(self._heads))
        for sock in sockets:
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            sock.setblocking(False)
        self._sockets = {sock.fileno(): sock for sock in sockets}
        self._free = deque(self._sockets)

    def run(self, seconds: float, rate: float) -> list[float]:
        """Ask for so many seconds, and wait for the last answer.

        Returns:
            For each request the time from when it was due to its answer, in seconds.
        """
        monotonic, poll, free, sockets = time.monotonic, self._epoll.poll, self._free, self._sockets
        took: list[float] = []
        begin = heard = monotonic()
        count, asked = max(1, int(seconds * rate)), 0
        due_of: dict[int, float] = {}
        missing = dict.fromkeys(sockets, self._response_octets)
        while len(took) < count:
            now = monotonic()
            while free and asked < count and (due := begin + asked / rate) <= now:
                fd = free.popleft()
                due_of[fd] = due
                asked += 1
                sockets[fd].send(next(self._heads))
            events = poll(0)
            for fd, _ in events:
                if self._receive(fd, missing):
                    took.append(monotonic() - due_of.pop(fd))
                    free.append(fd)
            if events or not due_of:
                heard = now
            elif now - heard > ANSWER_SECONDS:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
        return took

    def _receive(self, fd: int, missing: dict[int, int]) -> bool:
        """Whether the response on a connection has come whole now."""
        octets = self._sockets[fd].recv(65536)
        if missing[fd] == self._response_octets and octets[9:12] != b"200":
            raise Unmeasurable(f"not a 200: {octets[:200]!r}")
        missing[fd] -= len(octets)
        if missing[fd] > 0 and octets:
            return False
        if missing[fd]:
            raise Unmeasurable(f"a response of another length: {octets[:200]!r}")
        missing[fd] = self._response_octets
        return True
