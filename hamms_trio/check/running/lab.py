"""The part of the lab that the check uses; `hamms_trio.server.Hamms` implements it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from hamms_trio.errors import ParameterError
from hamms_trio.lab.secure.twins import SNI
from hamms_trio.lab.shared.labels import label_for
from hamms_trio.modes import FailureMode
from hamms_trio.modes.elsewhere import OTHER_DOOR
from hamms_trio.modes.model.parameters import Value
from hamms_trio.recording.ledger import ConnectionRecord, Ledger, RequestRecord

DOORS = ("port", "path", "sni")
CHECKED_ANSWER_OCTETS = 512 * 1024  # of each answer: more than a whole canary in any coding
LOOPBACK_ADDRESS = "127.0.0.1"
COMMON = ("nonce", "key")  # arguments that each cell has
TWO_ADDRESSES = "localhost"  # a name of both loopback addresses
_BY_NAME = ("tcp-v6-blackhole-v4-ok",)
SUFFIX = ".hamms.localhost"


class LabDoor(Protocol):
    """A door that was opened for one cell."""

    name: str
    port: int


class CheckedLab(Protocol):
    """A running server with the whole catalogue."""

    ledger: Ledger

    def open(self, name: str, /, **arguments: object) -> AbstractAsyncContextManager[LabDoor]:
        """Open a door on a free port while the block runs."""

    def address(self, name: str) -> tuple[str, int]:
        """Return host and port of a door."""


@dataclass(frozen=True)
class CellDoor:
    """The door of one cell: its place, and its records.

    Attributes:
        scheme: ``http`` or ``https``.
        host, port, path: the parts of the URL.
    """

    host: str
    port: int
    path: str
    name: str
    nonce: str
    _ledger: Ledger
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}{self.path}"

    @property
    def connections(self) -> list[ConnectionRecord]:
        """The connections of this cell at its own door."""
        if self.name:
            return self._ledger.connections(self.name)
        carried, _ = self._ledger.of_nonce(self.nonce)
        return [each for each in carried if each.door != OTHER_DOOR]

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests of this cell at its own door, in their order."""
        if self.name:
            return self._ledger.requests(self.name)
        return [each for each in self._ledger.of_nonce(self.nonce)[1] if each.slug != OTHER_DOOR]

    @property
    def elsewhere(self) -> list[RequestRecord]:
        """The requests of this cell that reached the other origin."""
        return [each for each in self._ledger.of_nonce(self.nonce)[1] if each.slug == OTHER_DOOR]

    def forget(self) -> None:
        """Drop the records of the cell."""
        self._ledger.forget(self.nonce)


@asynccontextmanager
async def open_cell_door(
    lab: CheckedLab, mode: FailureMode, arguments: Mapping[str, Value], nonce: str, *, kind: str
) -> AsyncIterator[CellDoor]:
    """Open the door of one cell: a port of its own, or a shared door, where the mode allows that."""
    if (shared := _shared_door(lab, mode, arguments, nonce, kind)) is not None:
        yield shared
        return
    scheme = "https" if mode.speaks_tls else "http"
    async with lab.open(mode.slug, **arguments) as door:
        yield CellDoor(_host_for(mode), door.port, "/", door.name, nonce, lab.ledger, scheme)


def _shared_door(
    lab: CheckedLab, mode: FailureMode, arguments: Mapping[str, Value], nonce: str, kind: str
) -> CellDoor | None:
    """Return the shared door of this kind as the mode's client finds it, or None if it can't be reached there."""
    query = urlencode({name: _text(value) for name, value in arguments.items()})
    if kind == "path" and mode.needs_port is None and not mode.speaks_tls:
        path = f"/mode/{mode.slug}/?{query}"
        return CellDoor(LOOPBACK_ADDRESS, lab.address("path")[1], path, "", nonce, lab.ledger)
    if kind == SNI and mode.control:
        with suppress(ParameterError):
            label = label_for(mode, arguments)
            port = lab.address(SNI)[1]
            return CellDoor(f"{label}{SUFFIX}", port, "/", "", nonce, lab.ledger, "https")
    if kind == SNI and mode.needs_port is None:
        port, host = lab.address(SNI)[1], f"{mode.slug}{SUFFIX}"
        return CellDoor(host, port, f"/?{query}", "", nonce, lab.ledger, "https")
    return None


def _host_for(mode: FailureMode) -> str:
    """Return the host of the door's URL: a name that the mode's certificate is about, or the address."""
    if mode.slug in _BY_NAME or (mode.speaks_tls and "address" not in mode.slug):
        return TWO_ADDRESSES
    return LOOPBACK_ADDRESS


def described(mode: FailureMode, arguments: Mapping[str, Value]) -> Iterator[str]:
    """Yield the arguments as ``NAME=VALUE``, without those that every cell has."""
    for name, value in arguments.items():
        if name not in COMMON:
            yield f"{name}={_text(value)}"


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
