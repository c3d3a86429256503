"""Clients that never ask for the same thing twice."""

from __future__ import annotations

import select
import time
from secrets import token_hex

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, Address, Notice, connect
from bench.loads.requests import HEAD, response_octets
from bench.machine import resident_octets, wait_settled

CONNECTIONS = 16
ROUNDS_IN_ONE_GO = 4
# Nothing there; no file there; a page with a query; nothing deeper down. Each with the status it gets.
TARGETS = ((b"/%b", 404), (b"/static/%b", 404), (b"/?%b", 200), (b"/a/%b/b?c=d", 404))


def wander(*, address: Address, pid: int, requests: int, steady: Notice) -> dict[str, float]:
    """Make so many requests, and read the server's memory before, after a tenth, and after all of them.

    The first tenth is what bounded caches need to fill.
    """
    wait_settled(pid)
    at_start = resident_octets(pid)
    wandering = Wandering(address)
    since = time.monotonic()
    wandering.run(requests // 10)
    wait_settled(pid)
    filled = resident_octets(pid)
    steady()
    wandering.run(requests - requests // 10)
    wait_settled(pid)
    at_end = resident_octets(pid)
    return {
        "start_mb": at_start / 1e6,
        "filled_mb": filled / 1e6,
        "end_mb": at_end / 1e6,
        "growth_kb": (at_end - filled) / 1e3,
        "per_second": requests / (time.monotonic() - since),
    }


class Wandering:
    """Connections with some requests in flight on each, every one with a target and id of its own."""

    def __init__(self, address: Address) -> None:
        self._sockets = {
            sock.fileno(): sock for sock in (connect(address) for _ in range(CONNECTIONS))
        }
        one = next(iter(self._sockets.values()))
        octets = sum(response_octets(one, _request(*kind), kind[1]) for kind in TARGETS)
        self._expected = octets * ROUNDS_IN_ONE_GO
        self._epoll = select.epoll()
        for sock in self._sockets.values():
            sock.setblocking(False)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def run(self, requests: int) -> None:
        """Have at least so many requests answered, and leave none in flight."""
        missing = dict.fromkeys(self._sockets, 0)
        in_one_go = len(TARGETS) * ROUNDS_IN_ONE_GO
        for fd in missing:
            self._ask(fd, missing)
            requests -= in_one_go
        while any(missing.values()):
            events = self._epoll.poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"{sum(missing.values())} octets of responses did not come")
            for fd, _ in events:
                octets = len(self._sockets[fd].recv(1 << 18))
                if not octets:
                    raise Unmeasurable("the server left")
                missing[fd] -= octets
                if not missing[fd] and requests > 0:
                    self._ask(fd, missing)
                    requests -= in_one_go

    def _ask(self, fd: int, missing: dict[int, int]) -> None:
        requests = [_request(*kind) for kind in TARGETS for _ in range(ROUNDS_IN_ONE_GO)]
        self._sockets[fd].send(b"".join(requests))
        missing[fd] = self._expected


def _request(target: bytes, _status: int) -> bytes:
    number = token_hex(8).encode()
    return HEAD.replace(b" / ", b" %b " % (target % number), 1) + b"%b\r\n\r\n" % number
