"""The CPU to accept and end a connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, interleave
from bench.servers import hamms, peer

PARALLEL = 32
SECONDS = 1.0
DROPPED = "GET /?failrate=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def churn(effort: Effort) -> list[Figure]:
    """32 clients at a time, whose connections the server closes at connect, or resets at their request."""
    with ExitStack() as stack:
        ours = stack.enter_context(hamms())
        closing = {OURS: ours, **_peers(stack, "close")}
        resetting = {OURS: ours, **_peers(stack, "reset")}
        common = {"parallel": PARALLEL, "seconds": effort.seconds(SECONDS)}
        closed = Figure(
            f"CPU to accept and close (FIN), {PARALLEL} at a time",
            "us",
            (Below("twisted", 1.0),),
        )
        reset = Figure(
            f"CPU to accept, read a request and reset, {PARALLEL} at a time",
            "us",
        )
        interleave(
            effort.rounds,
            _samples(closing, "tcp-accept-close", **common),
            {"cpu_us": closed},
        )
        interleave(
            effort.rounds,
            _samples(resetting, "tcp-drop-random", request=DROPPED, resets=True, **common),
            {"cpu_us": reset},
        )
    return [closed, reset]


def _peers(stack: ExitStack, role: str) -> dict[str, Server]:
    return {
        "twisted": stack.enter_context(peer("twisted_protocols", role)),
        "uvloop": stack.enter_context(peer("asyncio_protocols", "uvloop", role)),
        "asyncio": stack.enter_context(peer("asyncio_protocols", "asyncio", role)),
    }


def _samples(
    servers: Mapping[str, Server], slug: str, **arguments: object
) -> dict[str, Callable[[], Mapping[str, float]]]:
    return {
        name: partial(load, "churn", address=server.address(slug), pid=server.pid, **arguments)
        for name, server in servers.items()
    }
