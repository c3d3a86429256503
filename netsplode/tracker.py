"""Which TCP connections this process has, and reset all of a kind.

Why this is hard: patching `socket.socket` misses what was imported before and every library in C (uvloop,
libcurl, libpq). So on Linux the process' descriptors are asked: each is duplicated first, so that one
that is closed and reused meanwhile can't mislead, and known by its socket's cookie. Elsewhere only what
was made by `socket.socket` since the tracking began is known, through weak references: a partial answer.
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
from netsplode.connections import Wanted, wanted
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
from netsplode.targets import Holder, Target, held

Match = int | str | tuple[str | None, int | None] | Callable[[Connection], bool]


@dataclass(frozen=True, slots=True)
class _Own:
    """A connection of this process, which whoever made it may close at any time."""

    holder: int | socket.socket  # a descriptor, or what made it where descriptors can't be listed
    identity: int  # the cookie where there is one
    local: Address
    remote: Address
    is_client: bool | None
    state: str


class Netsploder:
    """Resets the connections that were opened since it was made. See `create_netsploder`."""

    def __init__(self, *, include_existing: bool = False, match: Match | None = None) -> None:
        self._include_existing = include_existing
        self._match = match
        _matcher(match)  # which says what is wrong with it
        self._made: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._existing = {own.identity for own in self._own()}

    def reset_tcp_connections(
        self, *, include_existing: bool | None = None, match: Match | None = None
    ) -> list[ResetResult]:
        """Reset both those that this process opened and those that it accepted."""
        return self._reset(None, include_existing, match)

    def reset_client_tcp_connections(
        self, *, include_existing: bool | None = None, match: Match | None = None
    ) -> list[ResetResult]:
        """Reset those that this process opened."""
        return self._reset(True, include_existing, match)

    def reset_server_tcp_connections(
        self, *, include_existing: bool | None = None, match: Match | None = None
    ) -> list[ResetResult]:
        """Reset those that this process accepted."""
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
                pass  # gone, or the other end was among those before it
            except ResetTimeout as error:
                if error.result is None:
                    raise
                results.append(error.result)
            except NetsplodeError as error:
                failures.append(error)
        if failures:  # the others are reset all the same
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
    """A `Netsploder` for the connections that are opened inside the ``with``.

    Args:
        include_existing: whether its calls take older ones too, unless they say so themselves.
        match: only those with this port or address at an end, or for which this callable is true of the
            `Connection`; likewise.

    On Linux nothing is patched. Elsewhere `socket.socket` is, for as long as the ``with`` lasts, and only
    what it makes is found.
    """
    netsploder = Netsploder(include_existing=include_existing, match=match)
    if sys.platform == "linux":
        yield netsploder
        return
    original = socket.socket.__init__

    def noted(self: socket.socket, *arguments: Any, **keywords: Any) -> None:
        original(self, *arguments, **keywords)
        netsploder._made.add(self)

    socket.socket.__init__ = noted
    try:
        yield netsploder
    finally:
        socket.socket.__init__ = original


track_connections = create_netsploder  # the name it had first


def _look_at(holder: int | socket.socket) -> _Own | None:
    """The connection of a descriptor, if it is one of TCP."""
    try:
        target = _held(holder)
    except (OSError, ConnectionNotFound, UnsupportedConnection):  # closed since, or something else
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
    target = held(holder)
    if isinstance(holder, int):
        target.holder = Holder.OTHER  # somebody else's descriptor is not ours to close
    return target


def _identity(target: Target) -> int:
    if sys.platform == "linux" and target.sock is not None:
        return tcp.cookie(target.sock)
    return hash((target.local, target.remote))


def _state(target: Target) -> str:
    if sys.platform != "linux" or target.sock is None:
        return "established"  # for all that is known
    return tcp.State(tcp.state(target.sock)).name.lower()


def _listening() -> set[Address]:
    from netsplode.kernel.diag import Diag

    with Diag() as diag:
        return {entry.local for entry in diag.dump([tcp.State.LISTEN])}


def _reset_one(own: _Own) -> ResetResult:
    try:
        target = _held(own.holder)
    except OSError as error:
        raise ConnectionNotFound("it was closed meanwhile") from error
    if _identity(target) != own.identity:
        target.close()
        raise ConnectionNotFound("its descriptor is another connection's by now")
    return run(begin(Order(target, timeout=1.0, verify=Verify.LOCAL)))


def _public(own: _Own) -> Connection:
    return Connection(own.local, own.remote, own.state, getattr(os, "getuid", int)(), os.getpid())


def _is_host(text: str) -> bool:
    """Whether it has no port: a name, or an IP address."""
    if ":" not in text:
        return True
    with contextlib.suppress(ValueError):
        return bool(ip_address(text.strip("[]")))
    return False


def _matcher(match: Match | None) -> Callable[[Connection], bool]:
    """A port or an address fits at either end."""
    if match is None:
        return lambda connection: True
    if callable(match):
        return match
    if isinstance(match, str) and _is_host(match):
        match = (match.strip("[]"), None)
    address: Wanted = wanted(match)
    return lambda connection: address.fits(connection.local) or address.fits(connection.remote)
