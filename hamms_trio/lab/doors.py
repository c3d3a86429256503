"""Doors: places where clients meet a failure mode, each with arguments of its own."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from hamms_trio.errors import CatalogueError, UnknownMode
from hamms_trio.modes import Catalogue, FailureMode
from hamms_trio.modes.arguments import Resolver
from hamms_trio.modes.drivers import over_tls
from hamms_trio.modes.model.environment import State
from hamms_trio.modes.model.parameters import Value
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import PortKind


class Port(NamedTuple):
    """One row of the table of ports; the row of a mode that a catalogue lacks is skipped.

    Attributes:
        name: the door's name, if not the slug.
    """

    offset: int
    slug: str
    given: Mapping[str, Value] = {}
    name: str = ""


PORTS = (
    # Those of hamms.
    Port(0, "tcp-refused"),
    Port(1, "tcp-accept-hang"),
    Port(2, "tcp-accept-close"),
    Port(3, "tcp-close-after-data"),
    Port(4, "status-garbage-at-connect"),
    Port(5, "status-garbage"),
    Port(6, "pace-byte"),
    Port(7, "pace-byte", {"interval": 30.0}, "pace-byte-slow"),
    Port(8, "pace-first-byte"),
    Port(9, "status"),
    Port(10, "frame-cl-long"),
    Port(11, "head-size"),
    Port(12, "retries"),
    Port(13, "tcp-drop-random"),
    Port(14, "type-not-accepted"),
    Port(15, "frame-cl-short-hang"),
    Port(16, "frame-cl-short-fin"),
    # Ours, and those on hamms' list of wishes.
    Port(17, "tcp-syn-blackhole"),
    Port(18, "tcp-accept-rst"),
    Port(19, "tcp-rst-after-request"),
    Port(20, "tcp-never-read"),
    Port(21, "tcp-slow-close"),
    Port(22, "tcp-half-close-first"),
    Port(23, "tcp-v6-blackhole-v4-ok"),
    Port(24, "tcp-drop-every-nth", {"n": 10}, "tcp-drop-1-of-10"),
    Port(25, "tcp-drop-every-nth", {"n": 100}, "tcp-drop-1-of-100"),
    Port(26, "tcp-corrupt-bytes"),
    Port(27, "tcp-bandwidth"),
    Port(28, "conn-408-unsolicited"),
    Port(29, "type-missing"),
    Port(30, "type-wrong"),
    Port(31, "status-binary"),
    Port(32, "head-1m"),
    Port(33, "head-10m"),
    Port(54, "proxy-socks-refused"),
    # TLS: each fault of a handshake; SNI finds the others, on 92.
    Port(56, "tls-handshake-hang"),
    Port(57, "tls-handshake-hang", {"at": "accept"}, "tls-handshake-hang-accept"),
    Port(58, "tls-close-after-clienthello"),
    Port(59, "tls-rst-after-clienthello"),
    Port(60, "tls-alert"),
    Port(61, "tls-plain-http"),
    Port(62, "tls-garbage"),
    Port(63, "tls-expired"),
    Port(64, "tls-not-yet-valid"),
    Port(65, "tls-self-signed"),
    Port(66, "tls-untrusted-root"),
    Port(67, "tls-wrong-host"),
    Port(68, "tls-no-san"),
    Port(69, "tls-incomplete-chain"),
    Port(70, "tls-issuer-not-ca"),
    Port(71, "tls-expired-intermediate"),
    Port(72, "tls-revoked", {"how": "muststaple"}),
    Port(73, "tls-sig-sha1"),
    Port(74, "tls-rsa-1024"),
    Port(75, "tls10-only"),
    Port(76, "tls11-only"),
    Port(77, "tls12-only"),
    Port(78, "tls13-only"),
    Port(79, "tls-min-tls10"),
    Port(80, "tls-min-tls12"),
    Port(81, "tls-null"),
    Port(82, "tls-client-cert-required", {"v": "1.2"}),
    Port(83, "tls-client-cert-required", {"v": "1.3"}, "tls-client-cert-required-13"),
    Port(84, "tls-sni-required"),
    Port(85, "tls-bad-mac"),
    Port(86, "tls-truncation"),
    Port(87, "tls-close-notify-no-fin"),
    Port(88, "tls-alpn-none"),
    Port(89, "tls-alpn-h2-speaks-h1"),
    Port(90, "tls-hello-retry"),
    Port(91, "tls-huge-chain"),
)

RESERVED_NAMES = (
    "other",
    "armed",
    "path",
    "sni",
    "workbench",
)  # names of what a server has beside its failure modes
TWIN_PREFIX = "https-"  # of the name of a door's twin over TLS


class AnyDoor(Protocol):
    """A door as its listener and acceptors see it."""

    @property
    def name(self) -> str:
        """The door's unique name."""

    @property
    def slug(self) -> str:
        """The slug of the door's failure mode, or "" if each request chooses its own."""

    @property
    def offset(self) -> int | None:
        """The number that is added to the beginning port, or None for a free port."""

    @property
    def listens(self) -> bool:
        """True if the door accepts connections."""

    @property
    def port_kind(self) -> PortKind:
        """The kind of port that the door needs."""

    @property
    def summary(self) -> str:
        """One line about the door, for listings."""

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Play the failure mode on one connection until it ends."""


@dataclass(frozen=True, eq=False)
class Door:
    """One failure mode at one place.

    Attributes:
        given: arguments instead of the mode's defaults; in HTTP/1 the query overrides them.
        fixed: names among those that it does not override.
        offset: added to the beginning port; None for a free port, or for no port at all.
        is_secure: True if a TLS handshake precedes the mode.
    """

    name: str
    mode: FailureMode
    given: Mapping[str, Value] = field(default_factory=dict)
    offset: int | None = None
    exempt: State[bool] = field(default_factory=State, repr=False)
    is_secure: bool = False
    fixed: frozenset[str] = frozenset()

    @cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self.mode, self.given, fixed=self.fixed, exempt=self.exempt)

    @property
    def slug(self) -> str:
        return self.mode.slug

    @property
    def listens(self) -> bool:
        return self.mode.driver.listens

    @property
    def port_kind(self) -> PortKind:
        return self.mode.port_kind(self.given)

    @property
    def summary(self) -> str:
        """The mode's summary, and the arguments that this door gives."""
        given = ", ".join(f"{name}={value}" for name, value in self.given.items())
        return f"{self.mode.summary} ({given})" if given else self.mode.summary

    @property
    def scheme(self) -> str:
        """The scheme of the door's URLs."""
        return "https" if self.is_secure or self.mode.speaks_tls else "http"

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Play the failure mode on one connection until it ends."""
        if self.is_secure:
            return over_tls(peer, self._drive)
        return self._drive(peer)

    def _drive(self, peer: Peer) -> Coroutine[Any, Any, None]:
        return self.mode.driver.drive(peer, self._resolver)


class Doors:
    """Every door of one server by name, and the failure modes that it serves.

    Args:
        catalogue: all failure modes.
        only: names of the modes and doors to serve, instead of all.

    Attributes:
        served: the failure modes that are served, by slug.
        is_limited: True if only some of the modes are served.
        names: all names of modes and doors; the error for an unknown one has suggestions.
        exempt: names in queries of this server's URLs that are exempt from the search for misspelt parameters.

    Raises:
        UnknownMode: ``only`` has an unknown name.
        CatalogueError: a door's name is that of another mode.
    """

    def __init__(self, catalogue: Catalogue, only: Iterable[str] = ()) -> None:
        self.catalogue = catalogue
        self.exempt: State[bool] = State()
        self._all = {door.name: door for door in ports_of(catalogue, self.exempt)}
        slugs = {door.name: door.slug for door in self._all.values()}
        self.names = catalogue.names.with_doors(slugs)
        wanted = [only] if isinstance(only, str) else list(only)
        self.is_limited = bool(wanted)
        chosen = [self.find(name) for name in wanted]
        slugs_chosen = {door.slug for door in chosen}
        self.served = {
            slug: mode for slug, mode in catalogue.items() if not wanted or slug in slugs_chosen
        }
        names_chosen = {door.name for door in chosen}
        self.ports = [
            door for door in self._all.values() if not wanted or door.name in names_chosen
        ]

    def __contains__(self, name: str) -> bool:
        """Return True if this is the name of one mode, or of its door."""
        return name in self._all or name in self.catalogue.names

    def find(self, name: str) -> Door:
        """Return the door of this name, or the default door of a slug or alias, which may have no port.

        Raises:
            UnknownMode: nothing has this name.
        """
        if name not in self._all:
            slug = self.names.slug(name)
            assert slug is not None  # it is no door's name
            if slug not in self._all:
                return Door(slug, self.catalogue[slug], exempt=self.exempt)
            name = slug
        return self._all[name]

    def find_served(self, name: str) -> Door:
        """Return the door of this name, if its mode is served.

        Raises:
            UnknownMode: nothing has this name, or its mode is not served.
        """
        door = self.find(name)
        if door.slug not in self.served:
            served = ", ".join([door.name for door in self.ports] or self.served)
            raise UnknownMode(f"the failure mode {name!r} is not served here; served are {served}")
        return door


def ports_of(catalogue: Catalogue, exempt: State[bool] | None = None) -> list[Door]:
    """Return the doors with a port, from `PORTS`, whose modes are in the catalogue.

    Raises:
        CatalogueError: a door's name is that of another mode.
    """
    for name in RESERVED_NAMES:
        if name in catalogue.names:
            raise CatalogueError(f"no failure mode may be called {name!r}: the name is taken")
    doors = []
    for port in PORTS:
        if port.slug in catalogue:
            name = port.name or port.slug
            if port.name and port.name in catalogue.names:
                raise CatalogueError(f"slug claimed twice: {name} is the name of a port's door")
            mode = catalogue[port.slug]
            given = mode.checked(port.given) if port.given else {}
            doors.append(
                Door(name, mode, given, port.offset, State() if exempt is None else exempt)
            )
    return doors
