"""The client that calls targets: one request, and its answer while it arrives.

Connections are kept and used again.
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
    from hamms_trio.workbench.targets.connections import Arrived, Connection

AT_ONCE = 64  # connections to one target
KEPT = 16  # connections to one target without a request
# A second attempt does no harm with these (RFC 9110 §9.2.2).
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS"))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to a target.

    Attributes:
        path: with its query, behind the base URL's own path.
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
        self._lines: dict[str, Line] = {}

    async def send(self, target: Target, outgoing: Outgoing, *, seconds: float) -> Arrived:
        """Send a request, and return the answer once its head has arrived; the caller closes that.

        Args:
            seconds: until the head has arrived; while content is still arriving, until each piece of it is sent.

        Raises:
            Problem: 400 or 403, the request can't be sent, or not to this address.
            TargetFailed: no head has arrived.
        """
        line = self._lines.get(target.id)
        if line is None:
            line = self._lines[target.id] = Line()
        has_room = False
        with trio.move_on_after(seconds) as scope:
            if not isinstance(outgoing.content, bytes):
                outgoing = replace(
                    outgoing, content=_TimedContent(outgoing.content, scope, seconds)
                )
            await line.room.acquire()
            has_room = True
            try:
                return await self._send(line, target, outgoing)
            except BaseException:  # raised again; a cancelled call leaves its place too
                line.room.release()
                raise
        raise TargetFailed(
            Failing.TIMEOUT if has_room else Failing.BUSY, f"no answer within {seconds:g} s"
        )

    def forget(self, id: str) -> None:
        """Use the connections of a target no more, because it has changed."""
        line = self._lines.pop(id, None)
        if line is not None:
            line.abandon()

    def close(self) -> None:
        """Close every connection that is not in use."""
        for id in list(self._lines):
            self.forget(id)

    async def _send(self, line: Line, target: Target, outgoing: Outgoing) -> Arrived:
        from hamms_trio.workbench.targets.connections import exchange, open_connection

        connection = line.take()
        if connection is not None:
            can_repeat = isinstance(outgoing.content, bytes) and outgoing.method in IDEMPOTENT
            try:
                return await exchange(line, connection, target, outgoing)
            except TargetFailed as problem:
                # The target may close a connection in the moment in which it is used again.
                if not can_repeat or problem.failing not in (Failing.CLOSED, Failing.RESET):
                    raise
        connection = await open_connection(
            target.place, self._allowed, verify_tls=target.verify_tls
        )
        return await exchange(line, connection, target, outgoing)


class _TimedContent:
    """Content of a request that is still arriving; time that its sender takes is not the target's."""

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


class Line:
    """The connections to one target.

    Attributes:
        room: the number of further connections that may be used at once.
    """

    __slots__ = ("_idle", "_is_abandoned", "room")

    def __init__(self) -> None:
        self._idle: list[Connection] = []
        self._is_abandoned = False
        self.room = trio.Semaphore(AT_ONCE)

    def take(self) -> Connection | None:
        """Return a connection that can be used again; the youngest is the least likely to be closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_alive:
                return connection
            connection.close()
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request, unless it is of no use."""
        if self._is_abandoned or len(self._idle) >= KEPT or not connection.is_alive:
            connection.close()
        else:
            self._idle.append(connection)

    def abandon(self) -> None:
        """Close the connections that are idle, and those in use once they are."""
        self._is_abandoned = True
        while self._idle:
            self._idle.pop().close()
