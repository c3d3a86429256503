"""The lab as the check needs it; `hamms_trio.server.Hamms` is one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from hamms_trio.modes import FailureMode
from hamms_trio.modes.elsewhere import OTHER
from hamms_trio.modes.model.parameters import Value
from hamms_trio.recording.ledger import ConnectionRecord, Ledger, RequestRecord

DOORS = ("port", "path")
KEPT_OCTETS = 512 * 1024  # of each answer: more than a whole canary in any coding
LOCAL = "127.0.0.1"
TWO_ADDRESSES = "localhost"  # a name of both loopback addresses
_BY_NAME = ("tcp-v6-blackhole-v4-ok",)


class LabDoor(Protocol):
    """A door that was opened for one cell."""

    name: str
    port: int


class CheckedLab(Protocol):
    """A running server with the whole catalogue."""

    ledger: Ledger

    def open(self, name: str, /, **arguments: object) -> AbstractAsyncContextManager[LabDoor]:
        """Open a door of one's own on a free port while the block runs."""

    def address(self, name: str) -> tuple[str, int]:
        """Return host and port of a door."""


@dataclass(frozen=True)
class CellDoor:
    """The door of one cell: its place, and its records.

    Attributes:
        url: the URL of the mode.
        host, port, path: the parts of the URL.
    """

    host: str
    port: int
    path: str
    name: str
    nonce: str
    _ledger: Ledger

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}{self.path}"

    @property
    def connections(self) -> list[ConnectionRecord]:
        """The connections of this cell at its own door."""
        if self.name:
            return self._ledger.connections(self.name)
        carried, _ = self._ledger.of_nonce(self.nonce)
        return [each for each in carried if each.door != OTHER]

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests of this cell at its own door, in their order."""
        if self.name:
            return self._ledger.requests(self.name)
        return [each for each in self._ledger.of_nonce(self.nonce)[1] if each.slug != OTHER]

    @property
    def elsewhere(self) -> list[RequestRecord]:
        """The requests of this cell that reached the other origin."""
        return [each for each in self._ledger.of_nonce(self.nonce)[1] if each.slug == OTHER]

    def forget(self) -> None:
        """Forget the records, which nobody reads any more."""
        self._ledger.forget(self.nonce)


@asynccontextmanager
async def open_cell_door(
    lab: CheckedLab, mode: FailureMode, arguments: Mapping[str, Value], nonce: str, *, kind: str
) -> AsyncIterator[CellDoor]:
    """Open the door of one cell: a port of its own, or a path at the shared door, where the mode allows that."""
    host = TWO_ADDRESSES if mode.slug in _BY_NAME else LOCAL
    if kind == "path" and mode.needs_port is None:
        query = urlencode({name: _text(value) for name, value in arguments.items()})
        _, port = lab.address("path")
        yield CellDoor(host, port, f"/mode/{mode.slug}/?{query}", "", nonce, lab.ledger)
        return
    async with lab.open(mode.slug, **arguments) as door:
        yield CellDoor(host, door.port, "/", door.name, nonce, lab.ledger)


def described(mode: FailureMode, arguments: Mapping[str, Value]) -> Iterator[str]:
    """Yield the arguments as ``NAME=VALUE``, without those that every cell has."""
    for name, value in arguments.items():
        if name not in ("nonce", "key"):
            yield f"{name}={_text(value)}"


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
