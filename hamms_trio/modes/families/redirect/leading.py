"""The answers that lead a client on, and the paths where it arrives."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.parameters import Choice
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, connection_lines, status_line

LANDING = "/landing"  # the prefix of the paths at which a redirect ends

Found = Annotated[str, Choice("302", "301", "303", "307", "308")]


def start_of(status: str) -> bytes:
    """Return the status line of a head (see `HttpPeer.raw_head`)."""
    return status_line(int(status)).removesuffix(b"\r\n")


async def lead(peer: Peer, request: RequestHead, status: str, location: str) -> None:
    """Redirect to a location, without a body."""
    await peer.http.respond(request, int(status), ("Location", location))


async def lead_or_land(peer: Peer, request: RequestHead, *lines: bytes) -> None:
    """Redirect by field lines of any octets; at the redirect's target, answer healthily."""
    if peer.http.path.startswith(LANDING):
        await answer_healthily(peer, request)
        return
    peer.strike()
    await peer.send(
        peer.http.raw_head(
            *lines, *connection_lines(request), b"Content-Length: 0", start=start_of("302")
        )
    )
