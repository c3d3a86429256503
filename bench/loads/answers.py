"""Clients that ask for one streamed answer after another."""

from __future__ import annotations

import select

from bench.errors import Unmeasurable
from bench.loads.connecting import WARM_UP_SECONDS, Address, Notice, connect, ready_for
from bench.machine import cpu_seconds

LAST_CHUNK = b"\r\n0\r\n\r\n"


def answers(
    *,
    address: Address,
    pid: int,
    connections: int,
    seconds: float,
    steady: Notice,
    target: str,
    content: str,
    events: int,
) -> dict[str, float]:
    """Ask for streams on so many connections, and return the server's CPU for one of them.

    Args:
        content: the JSON content of each request.
        events: the fewest events that an answer may have.
    """
    body = content.encode()
    request = (
        f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer any\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    epoll = select.epoll()
    by_fd = {}
    for _ in range(connections):
        sock = connect(address)
        epoll.register(sock.fileno(), select.EPOLLIN)
        by_fd[sock.fileno()] = sock, bytearray()
        sock.sendall(request)

    def run(seconds: float) -> int:
        answered = 0
        for fd in ready_for(seconds, epoll):
            sock, answer = by_fd[fd]
            octets = sock.recv(262_144)
            if not octets:
                raise Unmeasurable(f"the server left after {bytes(answer[:200])!r}")
            answer += octets
            if answer.endswith(LAST_CHUNK):
                if answer.count(b"data: ") < events:
                    raise Unmeasurable(f"an answer is too short: {bytes(answer[:200])!r}")
                answered += 1
                answer.clear()
                sock.sendall(request)
        return answered

    run(WARM_UP_SECONDS)
    steady()
    cpu = cpu_seconds(pid)
    answered = run(seconds)
    if not answered:
        raise Unmeasurable("the server finished no answer")
    return {"cpu_us": (cpu_seconds(pid) - cpu) / answered * 1e6}
