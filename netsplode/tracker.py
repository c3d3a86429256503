"""Find the TCP connections of this process, and reset all of a kind.

Why this is hard: a patch of `socket.socket` misses sockets that were imported before it, and those of every
library in C (uvloop, libcurl, libpq). So on Linux the tracker lists the descriptors of the process. It
duplicates each one first, because the process may close and reuse the number at any time, and identifies the
socket by its cookie. On other systems it only finds sockets that `socket.socket` made since the tracking began.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from netsplode.connection import Connection
from netsplode.connections import AddressPattern, parse_address
from netsplode.errors import (
    ConnectionNotFound,
    NetsplodeError,
    ResetTimeout,
    UnsupportedConnection,
)
from netsplode.kernel import tcp
from netsplode.order import Order, Verify
from netsplode.resetting import begin, run
from netsplode.result import Address, ResetResult
from netsplode.targets import Target, target_of_object
from netsplode.unwrap import Holder

Match = int | str | tuple[str | None, int | None] | Callable[[Connection], bool]


@dataclass(frozen=True, slots=True)
class _Own:
    """A connection of this process, which its owner may close at any time."""

    holder: int | socket.socket  # a descriptor, or a socket where descriptors can't be listed
    identity: int  # the cookie, where sockets have one
    local: Address
    remote: Address
    is_client: bool | None
    state: str


class Netsploder:
    """A tracker that resets connections opened after its own creation. See `create_netsploder`."""

    def __init__(self, *, include_existing: bool = False, match: Match | None = None) -> None:
        self._include_existing = include_existing
        self._match = match
        _matcher(match)  # raises an error if the match is malformed
        self._made: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._existing = {own.identity for own in self._own()}

    def reset_tcp_connections(
        self, *, include_existing: bool | None = None, match: Match | None = None
    ) -> list[ResetResult]:
        """Reset the connections that this process opened, and those that it accepted."""
        return self._reset(None, include_existing, match)

    def reset_client_tcp_connections(
        self, *, include_existing: bool | None = None, match: Match | None = None
    ) -> list[ResetResult]:
        """Reset the connections that this process opened."""
        return self._reset(True, include_existing, match)

    def reset_server_tcp_connections(
        self, *, include_existing: bool | None = None, match: Match | None = None
    ) -> list[ResetResult]:
        """Reset the connections that this process accepted."""
        return self._reset(False, include_existing, match)

    def _reset(
        self, client: bool | None, include_existing: bool | None, match: Match | None
    ) -> list[ResetResult]:
        fits = _matcher(self._match if match is None else match)
        if include_existing is None:
            include_existing = self._include_existing
        results: list[ResetResult] = []
        failures: list[NetsplodeError] = []
        for own in self._own():
            if not include_existing and own.identity in self._existing:
                continue
            if client is not None and own.is_client is not client:
                continue
            if not fits(_public(own)):
                continue
            try:
                results.append(_reset_one(own))
            except (ConnectionNotFound, UnsupportedConnection):
                pass  # gone, or reset together with its other end
            except ResetTimeout as error:
                if error.result is None:
                    raise
                results.append(error.result)
            except NetsplodeError as error:
                failures.append(error)
        if failures:  # the other connections have been reset
            raise failures[0]
        return results

    def _own(self) -> Iterator[_Own]:
        seen: set[int] = set()
        for holder in self._holders():
            own = _look_at(holder)
            if own is not None and own.identity not in seen:
                seen.add(own.identity)
                yield own

    def _holders(self) -> Iterable[int | socket.socket]:
        if sys.platform == "linux":
            return [int(name) for name in os.listdir("/proc/self/fd")]
        return [sock for sock in list(self._made) if sock.fileno() >= 0]


@contextmanager
def create_netsploder(
    *, include_existing: bool = False, match: Match | None = None
) -> Iterator[Netsploder]:
    """Track the connections that are opened inside the ``with``.

    On Linux nothing is patched. On other systems `socket.socket` is patched while the ``with`` lasts, and
    only the sockets that it makes are found.

    Args:
        include_existing: True resets older connections too. Each call can override this.
        match: reset only connections with this port or address at an end, or those for which this callable
            returns True, given a `Connection`. Each call can override this.

    Yields:
        A `Netsploder` for these connections.
    """
    netsploder = Netsploder(include_existing=include_existing, match=match)
    if sys.platform == "linux":
        yield netsploder
        return
    original = socket.socket.__init__

    def tracked(self: socket.socket, *arguments: Any, **keywords: Any) -> None:
        original(self, *arguments, **keywords)
        netsploder._made.add(self)

    socket.socket.__init__ = tracked
    try:
        yield netsploder
    finally:
        socket.socket.__init__ = original


track_connections = create_netsploder  # the name in the first netsplode


def _look_at(holder: int | socket.socket) -> _Own | None:
    """Return the TCP connection of a descriptor; None if it is something else."""
    try:
        target = _held(holder)
    except (OSError, ConnectionNotFound, UnsupportedConnection):  # closed since, or no TCP
        return None
    try:
        assert target.sock is not None
        is_client = None
        if sys.platform == "linux":
            is_client = tcp.opened_here(target.sock)
            if is_client is None:
                is_client = target.local not in _listening()
        return _Own(
            holder, _identity(target), target.local, target.remote, is_client, _state(target)
        )
    finally:
        target.close()


def _held(holder: int | socket.socket) -> Target:
    if isinstance(holder, int) and not stat.S_ISSOCK(os.fstat(holder).st_mode):
        raise UnsupportedConnection("not a socket")
    target = target_of_object(holder)
    if isinstance(holder, int):
        target.holder = Holder.OTHER  # its owner has to close it
    return target


def _identity(target: Target) -> int:
    if sys.platform == "linux" and target.sock is not None:
        return tcp.cookie(target.sock)
    return hash((target.local, target.remote))


def _state(target: Target) -> str:
    if sys.platform != "linux" or target.sock is None:
        return "established"  # only Linux tells the state
    return tcp.State(tcp.state(target.sock)).name.lower()


def _listening() -> set[Address]:
    from netsplode.kernel.diag import Diag

    with Diag() as diag:
        return {entry.local for entry in diag.dump([tcp.State.LISTEN])}


def _reset_one(own: _Own) -> ResetResult:
    try:
        target = _held(own.holder)
    except OSError as error:
        raise ConnectionNotFound("the connection was closed meanwhile") from error
    if _identity(target) != own.identity:
        target.close()
        raise ConnectionNotFound("its descriptor is that of another connection by now")
    return run(begin(Order(target, timeout=1.0, verify=Verify.LOCAL)))


def _public(own: _Own) -> Connection:
    return Connection(own.local, own.remote, own.state, getattr(os, "getuid", int)(), os.getpid())


def _is_host(text: str) -> bool:
    """Return True for a name or an IP address without a port."""
    if ":" not in text:
        return True
    with contextlib.suppress(ValueError):
        return bool(ip_address(text.strip("[]")))
    return False


def _matcher(match: Match | None) -> Callable[[Connection], bool]:
    """Make a predicate of a match; a port or an address may be at either end."""
    if match is None:
        return lambda connection: True
    if callable(match):
        return match
    if isinstance(match, str) and _is_host(match):
        match = (match.strip("[]"), None)
    address: AddressPattern = parse_address(match)
    return lambda connection: address.fits(connection.local) or address.fits(connection.remote)
