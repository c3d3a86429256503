"""The peer: the client as a failure mode sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Hashable
from typing import Any

from hamms_trio.errors import PeerGone
from hamms_trio.modes.connection import PeerConnection
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.environment import Environment, State, chance
from hamms_trio.modes.http_peer import HttpPeer


class Peer:
    """The client at the far end of one accepted connection.

    Each method that waits raises `PeerGone` once the client has left, so a failure mode reads as if clients
    never did.

    Attributes:
        environment: what all modes of this server share.
        finished: True once the connection is ended by us.
    """

    __slots__ = ("_encounter", "_http", "_overhears", "connection", "environment", "finished")

    def __init__(self, connection: PeerConnection, environment: Environment) -> None:
        self.environment = environment
        self.finished = False
        self.connection = connection
        self._encounter: Encounter | None = None
        self._http: HttpPeer | None = None
        self._overhears = False

    @property
    def http(self) -> HttpPeer:
        """The same client as one that speaks HTTP/1.1."""
        if self._http is None:
            self._http = HttpPeer(self)
        return self._http

    # Octets

    async def receive(self) -> bytes:
        """Read the next octets that the client sends, HTTP or not.

        Raises:
            PeerGone: it closed its side.
        """
        data = await self.connection.receive()
        if not data:
            raise PeerGone
        if self._overhears:
            self._overhear(data)
        return data

    def send(self, data: bytes | memoryview) -> Awaitable[None]:
        """Send octets, whatever they mean."""
        return self.connection.send(data)

    # Time

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let time pass on the server's clock, which runs ``environment.speed`` times as fast as ours.

        Slept in a row, seconds add up without drift.
        """
        return self.connection.sleep(seconds / self.environment.speed)

    def look_at_keep_alive(self) -> None:
        """Enter in the ledger whether the client's kernel sends TCP keep-alives, if that can be seen.

        It can once the client has been idle for a moment, and is on this machine.
        """
        keeps_alive = self.connection.client_keeps_alive()
        if keeps_alive is not None:
            self.connection.observer.note_keep_alive(keeps_alive)

    # Memory and chance

    @property
    def seed(self) -> int:
        """The server's seed, which decides every random choice."""
        return self.environment.seed

    def state(self, name: str = "") -> State[Any]:
        """Return this failure mode's memory on this server beyond a request: a bounded mapping."""
        return self.environment.state(self._slug, name)

    def count(self, *key: Hashable) -> int:
        """Count ``key`` once more for this failure mode, and return how often it was counted."""
        return self.environment.count(self._slug, *key)

    def chance(self, *key: Hashable, seed: int | None = None) -> float:
        """Return a number in [0, 1) that depends on the seed, the failure mode and ``key`` alone."""
        return chance(self.seed if seed is None else seed, self._slug, *key)

    def strike(self) -> None:
        """Enter in the ledger that the fault is played; only for a mode declared with ``decides=True``."""
        encounter = self._encounter
        if encounter is not None:
            slug, arguments, key = encounter.slug, encounter.arguments, encounter.key
            self.connection.observer.struck(slug, arguments, key)

    # Endings

    def wait_gone(self) -> Awaitable[None]:
        """Discard all octets until the client closes its side."""
        return self._drain(None)

    async def finish(self) -> None:
        """End the response with a FIN the client can see.

        Closing while its octets are unread would send RST instead, which can erase the response
        from the client's buffer (RFC 9112 §9.6). So half-close, then drain.
        """
        if self.finished:
            return
        self.finished = True
        await self.connection.send_eof()
        await self._drain(self.connection.now() + self.environment.limits.linger)

    def reset(self) -> None:
        """Drop the connection with RST."""
        self.finished = True
        self.connection.reset()

    # For drivers

    def meet(self, encounter: Encounter) -> None:
        """Let the client meet a failure mode from now on."""
        self._encounter = encounter
        self.connection.observer.met(encounter.slug, encounter.arguments, encounter.ignored)
        if not encounter.decides:
            self.strike()

    def overhear(self) -> None:
        """Enter the client's first request in the ledger although the mode does not read it."""
        self._overhears = True

    # Within

    @property
    def _slug(self) -> str:
        return self._encounter.slug if self._encounter is not None else ""

    async def _drain(self, deadline: float | None) -> None:
        try:
            self._overhear(b"")  # what has come with the head
            while data := await self.connection.receive(deadline):
                self._overhear(data)
        except (TimeoutError, PeerGone):
            return

    def _overhear(self, data: bytes) -> None:
        """Enter in the ledger what the mode itself does not read."""
        http = self.http if self._overhears else self._http
        if http is not None and http.overhear(data, heads=self._overhears):
            self._overhears = False
            if (met := self._encounter) is not None:
                self.connection.observer.met(met.slug, met.arguments, met.ignored)
