"""Ports of families: the path chooses the mode as at the universal door; other requests meet the flagship."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, NamedTuple

from hamms_trio.lab.doors import Doors
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.modes.drivers import HTTP1
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import OPEN
from hamms_trio.wire import RequestHead


class FamilyPort(NamedTuple):
    """One row of the table of families' ports.

    Attributes:
        guest: another family without a port of its own, which is found here.
    """

    offset: int
    family: str
    flagship: str
    guest: str = ""


# The flagship is the mode with the most damage in production among its family's.
FAMILY_PORTS = (
    FamilyPort(34, "frame", "frame-cl-short-fin"),
    FamilyPort(35, "chunk", "chunk-no-final"),
    FamilyPort(36, "head", "head-truncated"),
    FamilyPort(37, "status", "status"),
    FamilyPort(38, "interim", "interim-100"),
    FamilyPort(39, "coding", "coding-gzip-truncated"),
    FamilyPort(40, "pace", "pace-header-drip"),
    FamilyPort(41, "conn", "conn-drop-after-request"),
    FamilyPort(42, "upload", "upload-early-413"),
    FamilyPort(43, "redirect", "redirect-cross-origin-auth"),
    FamilyPort(45, "auth", "auth-loop"),
    FamilyPort(46, "cookie", "cookie-garbage"),
    FamilyPort(47, "cache", "cache-304-with-cl", "range"),
    FamilyPort(48, "retry", "retries"),
    FamilyPort(49, "type", "type-missing"),
    FamilyPort(50, "sse", "sse-eof-without-blank"),
    FamilyPort(53, "proxy", "proxy-407"),
)


class FamilyDoor:
    """The port of one family."""

    slug = ""
    listens = True
    port_kind = OPEN

    def __init__(self, port: FamilyPort, labels: Labels) -> None:
        self.name = f"family-{port.family}"
        self.offset = port.offset
        families = (
            f"families {port.family} and {port.guest}" if port.guest else f"family {port.family}"
        )
        self.summary = f"The {families}: {port.flagship}, or what the path names."
        self._flagship = port.flagship
        self._labels = labels

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection until it ends."""
        return HTTP1.drive(peer, self._choose)

    def _choose(self, request: RequestHead | None) -> Encounter:
        assert request is not None  # http1 asks about requests
        return self._labels.by_path(request) or self._labels.find(self._flagship, request)


def family_doors(doors: Doors, labels: Labels) -> list[FamilyDoor]:
    """Return the doors of the families whose flagship is served and acts on requests."""
    served = doors.served
    return [
        FamilyDoor(port, labels)
        for port in FAMILY_PORTS
        if port.flagship in served and not served[port.flagship].needs_port
    ]
