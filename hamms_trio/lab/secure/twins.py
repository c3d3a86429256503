"""Twins: the same doors over TLS, each a thousand ports higher."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import Any

from hamms_trio.lab.armed.armed_door import ArmedDoor
from hamms_trio.lab.doors import TWIN_PREFIX, AnyDoor, Door
from hamms_trio.lab.shared.universal import UniversalDoor
from hamms_trio.modes.drivers import over_tls
from hamms_trio.modes.peers.peer import Peer

TWIN_OFFSET = 1000  # above the door's own
SNI, SNI_OFFSET = "sni", 92


class Twin:
    """A shared door over TLS."""

    listens = True

    def __init__(self, door: AnyDoor) -> None:
        self.name = TWIN_PREFIX + door.name
        self.slug = door.slug
        self.offset = _offset(door)
        self.port_kind = door.port_kind
        self.summary = door.summary
        self._door = door

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection until it ends."""
        if isinstance(self._door, ArmedDoor):  # an armed mode of TLS acts before a handshake
            return self._door.play(peer)
        return over_tls(peer, self._door.play)


class SniDoor:
    """The universal door for TLS alone: SNI chooses the mode, or each request does."""

    slug = ""
    listens = True

    def __init__(
        self, universal: UniversalDoor, name: str = SNI, offset: int | None = SNI_OFFSET
    ) -> None:
        self.name = name
        self.offset = offset
        self.port_kind = universal.port_kind
        self.summary = "Every mode of TLS by SNI, at https://SLUG.hamms.localhost."
        self._universal = universal

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection until it ends."""
        return self._universal.play_over_tls(peer)


def twins_of(doors: Iterable[AnyDoor]) -> list[AnyDoor]:
    """Return the twins of the doors that accept connections and do not speak TLS themselves."""
    return [
        _twin(door)
        for door in doors
        if door.listens and not isinstance(door, SniDoor) and not _speaks_tls(door)
    ]


def secured(door: Door, name: str, offset: int | None = None) -> Door:
    """Return the same door over TLS; the door of a mode of TLS needs no further handshake."""
    return replace(door, name=name, offset=offset, is_secure=not door.mode.speaks_tls)


def _twin(door: AnyDoor) -> AnyDoor:
    if isinstance(door, Door):
        return secured(door, TWIN_PREFIX + door.name, _offset(door))
    if isinstance(door, UniversalDoor):
        return SniDoor(door, TWIN_PREFIX + door.name, _offset(door))
    return Twin(door)


def _offset(door: AnyDoor) -> int | None:
    return None if door.offset is None else door.offset + TWIN_OFFSET


def _speaks_tls(door: AnyDoor) -> bool:
    return isinstance(door, Door) and door.mode.speaks_tls
