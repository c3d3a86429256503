"""Clients that send some requests at once, and the next when all were answered."""

from __future__ import annotations

import select
import time

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.loads.requests import head_for, response_octets
from bench.machine import cpu_seconds


def pipeline(
    *, address: Address, pid: int, connections: int, seconds: float, depth: int, steady: Notice
) -> dict[str, float]:
    """Keep ``depth`` equal requests in flight on every connection, and count what one costs the server."""
    head = head_for(b"/")
    sockets = [connect(address) for _ in range(connections)]
    expected = response_octets(sockets[0], head) * depth
    epoll = select.epoll()
    for sock in sockets:
        sock.setblocking(False)
        epoll.register(sock.fileno(), select.EPOLLIN)
    by_fd = {sock.fileno(): (sock.recv, sock.send) for sock in sockets}
    missing = dict.fromkeys(by_fd, expected)
    requests = head * depth
    for sock in sockets:
        sock.send(requests)

    def run(seconds: float) -> int:
        answered = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            events = epoll.poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
            for fd, _ in events:
                receive, send = by_fd[fd]
                octets = len(receive(1 << 18))
                if not octets:
                    raise Unmeasurable("the server left")
                missing[fd] -= octets
                if not missing[fd]:
                    missing[fd] = expected
                    answered += depth
                    send(requests)
        return answered

    run(WARM_UP_SECONDS)
    steady()
    cpu, since = cpu_seconds(pid), time.monotonic()
    answered = run(seconds)
    if not answered:
        raise Unmeasurable("the server answered no request")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / answered * 1e6,
        "per_second": answered / (time.monotonic() - since),
    }
