"""The peer: the client as a failure mode sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Hashable
from typing import Any

from hamms_trio.canary import is_nonce
from hamms_trio.errors import NeedsTls, NoSuchMode, PeerGone
from hamms_trio.modes.encounter import Encounter, Find
from hamms_trio.modes.model.environment import Environment, State, chance
from hamms_trio.modes.peers.connection import PeerConnection
from hamms_trio.modes.peers.http_peer import HttpPeer
from hamms_trio.modes.peers.tls_connection import TlsConnection
from hamms_trio.modes.peers.tls_peer import TlsPeer
from hamms_trio.wire import RequestHead

READING_SECONDS = 0.08  # of real time; enough for each of 47 measured clients


def knows_no_others(label: str, _request: RequestHead) -> Encounter:
    """Find no encounter: this peer meets one mode alone."""
    raise NoSuchMode(f"this port has one failure mode only, and not {label[:80]!r}")


class Peer:
    """The client at the far end of one accepted connection.

    Each method that waits raises `PeerGone` once the client has left, so a failure mode is written as if clients
    never left.

    Attributes:
        environment: the environment that all modes of this server share.
        finished: True once we have ended the connection.
        channel: the TLS connection that carries its octets; None in plain TCP.
        find: finds the encounter of a request with another mode.
    """

    __slots__ = (
        "_encounter",
        "_http",
        "_is_paced",
        "_nonce",
        "_nth",
        "_overhears",
        "_pieces",
        "_request",
        "_tls",
        "channel",
        "connection",
        "environment",
        "find",
        "finished",
    )

    def __init__(
        self,
        connection: PeerConnection,
        environment: Environment,
        find: Find = knows_no_others,
        *,
        channel: TlsConnection | None = None,
    ) -> None:
        self.environment = environment
        self.channel = channel
        self.find = find
        self.finished = False
        self.connection = connection
        self._encounter: Encounter | None = None
        self._http: HttpPeer | None = None
        self._tls: TlsPeer | None = None
        self._overhears = False
        self._request: RequestHead | None = None
        self._nonce: str | None = None
        self._is_paced = False
        self._nth = 0  # of the requests of its key, where requests are counted
        self._pieces = 0  # that have left at the modifiers' pace

    @property
    def http(self) -> HttpPeer:
        """The same client as one that speaks HTTP/1.1."""
        if self._http is None:
            self._http = HttpPeer(self)
        return self._http

    @property
    def tls(self) -> TlsPeer:
        """The same client as one that speaks TLS."""
        if self._tls is None:
            self._tls = TlsPeer(self)
        return self._tls

    def over(self, channel: TlsConnection) -> Peer:
        """Return a peer for the same client within TLS, with the same encounter."""
        within = Peer(channel, self.environment, self.find, channel=channel)
        within._encounter = self._encounter  # for its nonce; the pace is that of the records
        return within

    @property
    def scheme(self) -> str:
        """The scheme of the client's URL."""
        return "http" if self.channel is None else "https"

    def need_tls(self, what: str, reason: str) -> None:
        """Refuse a request that has come without TLS.

        Raises:
            NeedsTls: the request came in plain HTTP.
        """
        if self.channel is None:
            raise NeedsTls(f"{what} needs TLS: {reason}; this port or its twin speaks it")

    @property
    def encounter(self) -> Encounter:
        """The failure mode that the client meets, and its arguments."""
        assert self._encounter is not None  # drivers set it before any mode acts
        return self._encounter

    # Octets

    async def receive(self) -> bytes:
        """Read the next octets that the client sends, HTTP or not.

        Raises:
            PeerGone: the client closed its side.
        """
        data = await self.connection.receive()
        if not data:
            raise PeerGone
        if self._overhears:
            self._overhear(data)
        return data

    def send(self, data: bytes | memoryview) -> Awaitable[None]:
        """Send octets, whatever they mean, at the pace that the encounter's modifiers set."""
        if self._is_paced:
            return self._send_paced(memoryview(data))
        return self.connection.send(data)

    # Time

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let time pass on the server's clock, which runs ``environment.speed`` times as fast as ours.

        Consecutive sleeps add up without drift.
        """
        return self.connection.sleep(seconds / self.environment.speed)

    def look_at_keep_alive(self) -> None:
        """Record whether the client's kernel sends TCP keep-alives, if that can be seen.

        It can be seen once a client on this machine has been idle for a moment.
        """
        keeps_alive = self.connection.client_keeps_alive()
        if keeps_alive is not None:
            self.connection.observer.note_keep_alive(keeps_alive)

    # Memory and chance

    @property
    def nonce(self) -> str:
        """The nonce of this exchange: the client's, by query or X-Hamms-Nonce, or one of our making."""
        if self._nonce is None:
            given = self._encounter.modifiers.nonce if self._encounter is not None else None
            if given is None and self._request is not None:
                given = self._request.nonce
            if not given or not is_nonce(given):
                own = self._encounter.nonce if self._encounter is not None else ""
                given = own or self.environment.new_nonce()
                self.connection.observer.note_nonce(given)
            self._nonce = given
        return self._nonce

    @property
    def seed(self) -> int:
        """The server's seed, which decides every random choice."""
        return self.environment.seed

    def state(self, name: str = "") -> State[Any]:
        """Return this failure mode's state on this server beyond a request: a bounded mapping."""
        return self.environment.state(self._slug, name)

    def count(self, *key: Hashable) -> int:
        """Count ``key`` once more for this failure mode, and return how often it was counted."""
        return self.environment.count(self._slug, *key)

    def chance(self, *key: Hashable, seed: int | None = None) -> float:
        """Return a number in [0, 1) that depends on the seed, the failure mode and ``key`` alone."""
        return chance(self.seed if seed is None else seed, self._slug, *key)

    def strike(self) -> None:
        """Record that the fault is played; only for a mode declared with ``decides=True``."""
        if self._encounter is not None:
            self.connection.observer.struck(self._encounter.meeting)

    def note_played(self) -> None:
        """Tell the observer that the failure mode is at its end, unless the connection has ended with it."""
        if not self.finished:
            self.connection.observer.played()

    # Endings

    def wait_gone(self, seconds: float | None = None) -> Awaitable[None]:
        """Discard all octets until the client closes its side, or for ``seconds`` on the server's clock."""
        if seconds is None:
            return self._drain(None)
        return self._drain(self.connection.now() + seconds / self.environment.speed)

    def wait_left(self, seconds: float | None = None) -> Awaitable[None]:
        """Read nothing until the client closes its side, or for ``seconds`` on the server's clock."""
        if seconds is None:
            return self.connection.wait_left(None)
        return self.connection.wait_left(self.connection.now() + seconds / self.environment.speed)

    async def half_close(self) -> None:
        """Send FIN, and keep receiving."""
        await self.connection.send_eof()

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

    async def truncate(self) -> None:
        """End TLS by a FIN without close_notify (RFC 8446 §6.1); without TLS, that is any FIN."""
        if self.channel is None:
            await self.finish()
            return
        self.finished = True
        await self.channel.below.send_eof()
        await self._drain(self.connection.now() + self.environment.limits.linger)

    def reset(self) -> None:
        """Drop the connection with RST."""
        self.finished = True
        self.connection.reset()

    async def reset_after_reading(self) -> None:
        """Drop the connection with RST once the client has had time to read what precedes it.

        A client's kernel reports a reset before octets that the client has not read yet, so without
        this time a fault in the middle of a response would look like a refused connection.
        """
        await self.connection.sleep(READING_SECONDS)
        self.reset()

    async def end(self, how: str) -> None:
        """End the connection as an `End` says: ``fin``, ``rst``, or ``hang`` until the client leaves."""
        if how == "fin":
            await self.finish()
        elif how == "rst":
            await self.reset_after_reading()
        else:
            await self.wait_gone()

    def close_port(self, seconds: float) -> None:
        """Let this door's port refuse connections for ``seconds`` on the server's clock."""
        self.environment.close_port(self.connection.observer.door, seconds / self.environment.speed)

    # For drivers

    def meet(self, encounter: Encounter, request: RequestHead | None = None) -> bool:
        """Set the failure mode that the client meets from now on; return True if the mode strikes this time."""
        self._encounter = encounter
        self._request = request
        self._nonce = None
        self.connection.observer.met(encounter.meeting)
        modifiers = encounter.modifiers
        self._is_paced = modifiers.is_paced
        strikes = not (encounter.needs_http11 and request is not None and not request.minor_version)
        if strikes and modifiers.is_choosy:
            self._nth = self.environment.count(encounter.slug, "strikes", encounter.key)
            strikes = modifiers.strikes(self.seed, encounter.slug, self._nth)
        if strikes and not encounter.decides:
            self.strike()
        return strikes

    def overhear(self) -> None:
        """Record the client's first request, although the mode does not read it."""
        self._overhears = True

    # Within

    async def _send_paced(self, data: memoryview) -> None:
        encounter = self._encounter
        assert encounter is not None  # its modifiers set the pace
        modifiers = encounter.modifiers
        for begin, end in modifiers.pieces(len(data)):
            octets = data[begin:end]
            self._pieces += 1
            await self.sleep(
                modifiers.pause(self.seed, self._slug, self._nth, self._pieces, len(octets))
            )
            await self.connection.send(octets)

    @property
    def _slug(self) -> str:
        return self._encounter.slug if self._encounter is not None else ""

    def _drain(self, deadline: float | None) -> Awaitable[None]:
        if self._http is not None:
            self._overhear(b"")  # what has come with the head
        return self.connection.drain(self._overhear, deadline)

    def _overhear(self, data: bytes) -> None:
        """Record octets that the mode itself does not read."""
        if self._tls is not None:
            self._tls.overhear(data)
        http = self.http if self._overhears else self._http
        if http is not None and http.overhear(data, heads=self._overhears):
            self._overhears = False
            if self._encounter is not None:
                self.connection.observer.met(self._encounter.meeting)
