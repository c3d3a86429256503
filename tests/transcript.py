"""Play one failure mode over an in-memory connection and write down what crosses it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

from hamms_trio.lab.listeners import open_listeners
from hamms_trio.lab.mode_acceptor import ModePlayer
from hamms_trio.modes import CATALOGUE, FailureMode, Trigger
from hamms_trio.modes.environment import Lab, Limits
from hamms_trio.net.accepted import Handover
from hamms_trio.recording.ledger import ConnectionRecord, Ledger
from hamms_trio.testing.memory import MemoryHub, MemoryStream, memory_connection
from hamms_trio.version import VERSION

GET = b"GET / HTTP/1.1\r\nHost: hamms.test\r\n\r\n"
# What is sent to modes of which one plain GET does not show the point; one a second.
REQUESTS = {
    "retries": [GET] * 4,
    "tcp-drop-random": [b"GET /?every=2 HTTP/1.1\r\nHost: hamms.test\r\n\r\n"] * 2,
}
HESITATION = 1.0  # virtual seconds between connecting and the request
PATIENCE = 61.7  # after the request; not a multiple of any mode's timer, so nothing ties
EXCERPT = 160  # octets of a long read that are written down; a short one is written whole
WHOLE = 400
SECOND = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's own example


def still_lab(*, limits: Limits | None = None) -> Lab:
    """A lab whose Date never changes."""
    return Lab(limits=limits, wall_clock=lambda: SECOND)


@asynccontextmanager
async def playing(
    mode: FailureMode, lab: Lab
) -> AsyncIterator[tuple[MemoryStream, ConnectionRecord]]:
    """A client connected to a mode in memory, and the ledger's account of it."""
    hub, ledger = MemoryHub(), Ledger(CATALOGUE)
    sock, client = memory_connection()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run)
        ModePlayer(hub, mode, lab, ledger).play(Handover(sock, ("192.0.2.1", 49152)))
        (record,) = ledger.connections()
        yield client, record
        nursery.cancel_scope.cancel()


async def transcript(mode: FailureMode) -> str:
    """One line per event: virtual time, direction, octets."""
    if mode.trigger is Trigger.NEVER:
        return _refused(mode)
    events: list[tuple[float, str, str | bytes]] = []

    def note(direction: str, what: str | bytes) -> None:
        events.append((trio.current_time(), direction, what))

    async with playing(mode, still_lab()) as (client, record), trio.open_nursery() as nursery:

        async def listen() -> None:
            with suppress(trio.BrokenResourceError):  # it was reset
                async for octets in client:
                    note("<", bytes(octets))
            note("<", record.ended.value if record.ended else "nothing")
            nursery.cancel_scope.cancel()

        nursery.start_soon(listen)
        for request in REQUESTS.get(mode.slug, [GET]):
            await trio.sleep(HESITATION)
            note(">", request)
            await client.send_all(request)
        await trio.sleep(PATIENCE)
        note(">", "gives up")
        nursery.cancel_scope.cancel()
    return "".join(map(_line, _joined(events)))


def _joined(events: list[tuple[float, str, str | bytes]]) -> list[tuple[float, str, str | bytes]]:
    """What was sent at one time as one: in how many pieces it is read is chance."""
    joined: list[tuple[float, str, str | bytes]] = []
    for at, direction, what in events:
        if joined and isinstance(what, bytes):
            before = joined[-1]
            if before[:2] == (at, direction) and isinstance(before[2], bytes):
                joined[-1] = (at, direction, before[2] + what)
                continue
        joined.append((at, direction, what))
    return joined


def _line(event: tuple[float, str, str | bytes]) -> str:
    at, direction, what = event
    return f"{at:8.3f}  {direction} {_excerpt(what) if isinstance(what, bytes) else what}\n"


def _refused(mode: FailureMode) -> str:
    (listener,) = open_listeners([mode], host="127.0.0.1", beginning_port=0)
    try:
        with socket.socket() as client:
            error = client.connect_ex(("127.0.0.1", listener.port))
    finally:
        listener.close()
    return f"   0.000  > SYN\n   0.000  < {'RST' if error else 'SYN, ACK'}\n"


def _excerpt(octets: bytes) -> str:
    octets = octets.replace(VERSION.encode(), b"VERSION")
    if len(octets) <= WHOLE:
        return repr(octets)[1:]
    return f"{repr(octets[:EXCERPT])[1:]} ... {len(octets)} octets"
