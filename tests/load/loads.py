"""Loads in tests: in virtual time against a coroutine, and in real time against servers."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from math import inf

import trio
import trio.testing

from hamms_trio.load.carrier import HubCarrier
from hamms_trio.load.client import LoadCarrier
from hamms_trio.load.plan import Plan
from hamms_trio.load.plan.request import make_request
from hamms_trio.load.plan.target import LoadTarget, choose, parse_url, resolve
from hamms_trio.load.result import Result
from hamms_trio.load.run import Load, LoadOutcome, make_carrier
from hamms_trio.net.socket import Socket
from hamms_trio.testing.memory import MemoryHub, memory_connection

Play = Callable[[trio.abc.Stream], Awaitable[None]]

SAFETY_NET = 60.0  # seconds; no step takes nearly as long
HERE = parse_url("http://127.0.0.1:8080/")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def load_in_memory(plan: Plan, nursery: trio.Nursery, play: Play, *, accepts: float = inf) -> Load:
    """Prepare a load on each of whose connections ``play`` is the server.

    Args:
        plan: of the load.
        nursery: for the tasks of the server.
        play: serves one connection.
        accepts: number of connections that are accepted; the server refuses further ones.
    """
    accepted = 0

    def dial() -> Socket:
        nonlocal accepted
        if accepted >= accepts:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "")
        accepted += 1
        ours, theirs = memory_connection()
        nursery.start_soon(play, theirs)
        return ours

    def carrier(own: trio.Nursery) -> LoadCarrier:
        return HubCarrier(MemoryHub(), dial, own)

    return Load(plan, make_request(HERE, keepalive=plan.keepalive), carrier)


async def make_in_memory(plan: Plan, play: Play, *, accepts: float = inf) -> LoadOutcome:
    """Make a load on each of whose connections ``play`` is the server."""
    async with trio.open_nursery() as nursery:
        outcome = await load_in_memory(plan, nursery, play, accepts=accepts).run()
        nursery.cancel_scope.cancel()
    return outcome


def result_of(
    plan: Plan, outcome: LoadOutcome, *, elapsed: float = 10.0, cpu: float = 1.0
) -> Result:
    """Make a result of an outcome, as `generate` does."""
    return Result(
        url="http://127.0.0.1:8080/",
        address="127.0.0.1:8080",
        method="GET",
        request_octets=100,
        plan=plan,
        outcome=outcome,
        began="2001-09-09T01:46:40.000+00:00",
        elapsed=elapsed,
        cpu=cpu,
    )


class Requests:
    """The requests that come on a stream."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._buffer = b""

    @property
    def waiting(self) -> int:
        """Number of heads that have come and that `next` has not returned."""
        return self._buffer.count(b"\r\n\r\n")

    async def next(self) -> bytes:
        """Return the next head; no octets if the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not await self._receive():
                return b""
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    async def body(self, octets: int) -> bytes:
        """Return so many octets of the body that follows a head."""
        while len(self._buffer) < octets:
            if not await self._receive():
                break
        body, self._buffer = self._buffer[:octets], self._buffer[octets:]
        return body

    async def _receive(self) -> bool:
        try:
            data = await self._stream.receive_some()
        except trio.BrokenResourceError:
            return False
        self._buffer += data
        return bool(data)


def answering(
    answer: bytes = ANSWER, *, seconds: Callable[[int], float] = lambda _number: 0
) -> Play:
    """Make a server that answers all requests alike.

    Args:
        answer: to each request.
        seconds: delay of an answer by the number of its request, counted from 0.
    """
    seen = 0

    async def play(stream: trio.abc.Stream) -> None:
        nonlocal seen
        requests = Requests(stream)
        while await requests.next():
            number, seen = seen, seen + 1
            await trio.sleep(seconds(number))
            with suppress(trio.BrokenResourceError):
                await stream.send_all(answer)

    return play


def waits(seconds_of_request: Mapping[int, float]) -> Play:
    """Make a server that delays some answers by the numbers of their requests."""
    return answering(seconds=lambda number: seconds_of_request.get(number, 0.0))


async def make(
    url: str,
    plan: Plan,
    *,
    over: str | None = None,
    method: str | None = None,
    body: bytes | None = None,
    target: Callable[[LoadTarget], LoadTarget] = lambda target: target,
) -> LoadOutcome:
    """Run a load on a real server, on one kind of hub."""
    where = parse_url(url)
    request = make_request(where, method=method, body=body, keepalive=plan.keepalive)
    address = await choose(await resolve(where), SAFETY_NET)
    with trio.fail_after(SAFETY_NET):
        return await Load(
            plan, request, make_carrier(target(LoadTarget(where, address)), over)
        ).run()


@asynccontextmanager
async def serving(play: Play, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Run a real server that plays on each connection, and give its URL."""
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, play, 0, host=host)
        (listener, *_) = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        yield f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        nursery.cancel_scope.cancel()
