"""The client that calls targets, with a pool of connections to each.

An answer is returned once its head has arrived; the content follows while the caller reads it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

import trio

from hamms_trio.workbench.targets.allowed import AllowedTargets
from hamms_trio.workbench.targets.failing import Failing, TargetFailed
from hamms_trio.workbench.targets.model import Target

if TYPE_CHECKING:
    from hamms_trio.workbench.targets.connections import Arrived, TargetConnection

MAX_TARGET_CONNECTIONS = 64  # connections to one target
IDLE_CONNECTIONS = 16  # idle connections to one target
# These can be repeated without harm (RFC 9110 §9.2.2).
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS"))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to a target.

    Attributes:
        path: the path and query that follow the base URL's own path.
        fields: all of them, Host and those that frame the content included.
        content: octets, or an iterator over those that are still arriving.
    """

    method: bytes
    path: bytes
    fields: list[tuple[bytes, bytes]]
    content: bytes | AsyncIterator[bytes] = b""


class TargetClient:
    """The connections to all targets of one workbench."""

    def __init__(self, allowed: AllowedTargets | None = None) -> None:
        self._allowed = allowed or AllowedTargets()
        self._pools: dict[str, ConnectionPool] = {}

    async def send(self, target: Target, outgoing: Outgoing, *, seconds: float) -> Arrived:
        """Send a request, and return the answer once its head has arrived; the caller closes the answer.

        Args:
            seconds: until the head has arrived; while content is still arriving, until each piece of it is sent.

        Raises:
            Problem: 400 or 403, the request can't be sent, or not to this address.
            TargetFailed: no head has arrived.
        """
        pool = self._pools.get(target.id)
        if pool is None:
            pool = self._pools[target.id] = ConnectionPool()
        has_room = False
        with trio.move_on_after(seconds) as scope:
            if not isinstance(outgoing.content, bytes):
                outgoing = replace(
                    outgoing, content=_TimedContent(outgoing.content, scope, seconds)
                )
            await pool.room.acquire()
            has_room = True
            try:
                return await self._send(pool, target, outgoing)
            except BaseException:  # raised again; a cancelled call releases its place too
                pool.room.release()
                raise
        raise TargetFailed(
            Failing.TIMEOUT if has_room else Failing.BUSY, f"no answer within {seconds:g} s"
        )

    def forget(self, id: str) -> None:
        """Stop using the connections of a target that has changed."""
        pool = self._pools.pop(id, None)
        if pool is not None:
            pool.abandon()

    def close(self) -> None:
        """Close every idle connection, and the others as soon as they are idle."""
        for id in list(self._pools):
            self.forget(id)

    async def _send(self, pool: ConnectionPool, target: Target, outgoing: Outgoing) -> Arrived:
        from hamms_trio.workbench.targets.connections import exchange, open_connection

        connection = pool.take()
        if connection is not None:
            can_repeat = isinstance(outgoing.content, bytes) and outgoing.method in IDEMPOTENT
            try:
                return await exchange(pool, connection, target, outgoing)
            except TargetFailed as problem:
                # The target may close an idle connection in the moment of its reuse.
                if not can_repeat or problem.failing not in (Failing.CLOSED, Failing.RESET):
                    raise
        connection = await open_connection(
            target.place, self._allowed, verify_tls=target.verify_tls
        )
        return await exchange(pool, connection, target, outgoing)


class _TimedContent:
    """Request content that is still arriving; the target's timeout stands still while the client sends."""

    def __init__(
        self, pieces: AsyncIterator[bytes], scope: trio.CancelScope, seconds: float
    ) -> None:
        self._pieces = pieces
        self._scope = scope
        self._seconds = seconds

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._scope.deadline = inf
        try:
            return await anext(self._pieces)
        finally:
            self._scope.deadline = trio.current_time() + self._seconds


class ConnectionPool:
    """The pool of connections to one target.

    Attributes:
        room: a semaphore with the number of further connections that may be in use.
    """

    __slots__ = ("_idle", "_is_abandoned", "room")

    def __init__(self) -> None:
        self._idle: list[TargetConnection] = []
        self._is_abandoned = False
        self.room = trio.Semaphore(MAX_TARGET_CONNECTIONS)

    def take(self) -> TargetConnection | None:
        """Return an idle connection, the youngest first, as the least likely to be closed; None without one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_alive:
                return connection
            connection.close()
        return None

    def give_back(self, connection: TargetConnection) -> None:
        """Put a connection back into the pool, or close it if it can't be used again."""
        if self._is_abandoned or len(self._idle) >= IDLE_CONNECTIONS or not connection.is_alive:
            connection.close()
        else:
            self._idle.append(connection)

    def abandon(self) -> None:
        """Close the connections that are idle, and those in use once they are."""
        self._is_abandoned = True
        while self._idle:
            self._idle.pop().close()
