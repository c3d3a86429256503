"""`netsplode.reset_connection` between network namespaces; a program like `scene`, for the same stage."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio

import netsplode
import netsplode.aio
import netsplode.trio
from tests.netsplode.inject import scene
from tests.netsplode.inject.scene import Pair, Scene, connect


@dataclass(frozen=True)
class Crossing:
    """A reset of a connection from A to B.

    Attributes:
        place: the path, family and so on of a `scene.Scene`.
        at: the host that resets: a, b or router.
        by: the target: the socket, or its addresses.
        way: plain, trio or asyncio.
        options: further arguments of ``reset_connection``.
    """

    place: dict[str, Any]
    at: str = "a"
    by: str = "socket"
    way: str = "plain"
    options: dict[str, Any] = field(default_factory=dict)
    runs: int = 1


def reset(crossing: Crossing, target: tuple[Any, ...]) -> netsplode.ResetResult:
    result: netsplode.ResetResult
    if crossing.way == "trio":
        natively = partial(netsplode.trio.reset_connection, *target, **crossing.options)
        result = trio.run(natively)
    elif crossing.way == "asyncio":
        result = asyncio.run(netsplode.aio.reset_connection(*target, **crossing.options))
    else:
        result = netsplode.reset_connection(*target, **crossing.options)
    return result


def outcome_of(crossing: Crossing, pair: Pair) -> dict[str, Any]:
    """Put the result into words, or return the name of the error."""
    sock = pair[1] if crossing.at == "b" else pair[0]
    addresses = sock.getsockname()[:2], sock.getpeername()[:2]
    try:
        result = reset(crossing, (sock,) if crossing.by == "socket" else addresses)
    except netsplode.NetsplodeError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"technique": result.technique, **{end: str(at) for end, at in result.ends.items()}}


def error_at(sock: socket.socket) -> str:
    with sock:
        try:
            return repr(sock.recv(1))
        except OSError as error:
            return type(error).__name__


def play(crossing: Crossing) -> list[dict[str, Any]]:
    with closing(scene.place_for(Scene(**crossing.place))) as place:
        family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
        where = {"a": place.a, "b": place.b, "router": place.router}[crossing.at]
        played = []
        with place.b.entered():
            listener = socket.create_server(place.to_listen(), family=family)
        with listener:
            for _ in range(crossing.runs):
                pair = connect(place, listener)
                before = len(os.listdir("/proc/self/fd"))
                place.loses.set()
                with where.entered():
                    outcome = outcome_of(crossing, pair)
                place.loses.clear()
                outcome["kept"] = len(os.listdir("/proc/self/fd")) - before
                pair[1].settimeout(0.2 if "error" in outcome else scene.SAFETY_NET)
                pair[0].settimeout(0.2 if "error" in outcome else scene.SAFETY_NET)
                played.append({**outcome, "saw": [error_at(sock) for sock in pair]})
    return played


if __name__ == "__main__":
    scene.serve(lambda **crossing: play(Crossing(**crossing)))
