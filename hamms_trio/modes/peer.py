"""What a failure mode sees of the client it is failing."""

from __future__ import annotations

from collections.abc import Awaitable, Hashable
from typing import Any

from hamms_trio.errors import PeerGone, RequestError
from hamms_trio.modes.connection import PeerConnection
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.environment import Environment, State, chance
from hamms_trio.modes.http_peer import HttpPeer
from hamms_trio.wire import RequestReader


class Peer:
    """The client at the far end of one accepted connection.

    What waits raises `PeerGone` once the client has left, so a failure mode reads as if clients
    never did.

    Attributes:
        environment: what all modes of this server share.
        finished: True once the connection is ended by us.
    """

    __slots__ = ("_encounter", "_http", "_overheard", "connection", "environment", "finished")

    def __init__(self, connection: PeerConnection, environment: Environment) -> None:
        self.environment = environment
        self.finished = False
        self.connection = connection
        self._encounter: Encounter | None = None
        self._http: HttpPeer | None = None
        self._overheard: RequestReader | None = None

    @property
    def http(self) -> HttpPeer:
        """The same client as one that speaks HTTP/1.1."""
        if self._http is None:
            self._http = HttpPeer(self)
        return self._http

    # Octets

    async def receive(self) -> bytes:
        """Whatever the client sends next, HTTP or not.

        Raises:
            PeerGone: it closed its side.
        """
        data = await self.connection.receive()
        if not data:
            raise PeerGone
        if self._overheard is not None:
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

    # Memory and chance

    @property
    def seed(self) -> int:
        """The server's seed, which decides every random choice."""
        return self.environment.seed

    def state(self, name: str = "") -> State[Any]:
        """What this failure mode remembers beyond a request, on this server: a bounded mapping."""
        return self.environment.state(self._slug, name)

    def count(self, *key: Hashable) -> int:
        """How often this failure mode has counted ``key``, this time included."""
        return self.environment.count(self._slug, *key)

    def chance(self, *key: Hashable, seed: int | None = None) -> float:
        """A number in [0, 1) that depends on the seed, the failure mode and ``key`` alone."""
        return chance(self.seed if seed is None else seed, self._slug, *key)

    def strike(self) -> None:
        """Enter in the ledger that the fault is played; only for a mode declared with ``decides=True``."""
        encounter = self._encounter
        if encounter is not None:
            slug, arguments, key = encounter.slug, encounter.arguments, encounter.key
            self.connection.observer.struck(slug, arguments, key)

    # Endings

    def wait_gone(self) -> Awaitable[None]:
        """Discard whatever arrives until the client closes its side."""
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
        self._overheard = RequestReader()

    # Within

    @property
    def _slug(self) -> str:
        return self._encounter.slug if self._encounter is not None else ""

    async def _drain(self, deadline: float | None) -> None:
        try:
            while data := await self.connection.receive(deadline):
                if self._overheard is not None:
                    self._overhear(data)
        except (TimeoutError, PeerGone):
            return

    def _overhear(self, data: bytes) -> None:
        reader = self._overheard
        assert reader is not None
        try:
            reader.feed(data)
            request = reader.next_head()
        except RequestError:
            self._overheard = None
            return
        if request is not None:
            self._overheard = None
            self.connection.observer.head(request)
            if self._encounter is not None:
                self.meet(self._encounter)
