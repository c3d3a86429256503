"""The environment that all failure modes of one running server share: seed, clock and state."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hamms_trio.version import VERSION
from hamms_trio.wire import field_lines
from hamms_trio.wire.fields.dates import imf_fixdate

if TYPE_CHECKING:
    from hamms_trio.pki.authority import Authority
    from hamms_trio.pki.contexts import Contexts

V = TypeVar("V")

logger = logging.getLogger(__name__)

STATE_ENTRIES = 1_000
# The place of the list in revoked certificates: the mode tls-revocation at the universal door.
REVOCATION_DOOR, REVOCATION_PATH = "path", "/mode/tls-revocation/"
CANARY_FILE = "file:///hamms-canary.txt"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the modes that read HTTP wait for a client, in seconds of real time."""

    # From a head's first octet to its last, then 408; Apache's RequestReadTimeout is 20 to 40.
    head: float = 30.0
    # Without a single octet, then the connection is closed; nginx's keepalive_timeout.
    idle: float = 75.0
    # Between two reads of a body, then the connection is closed.
    body: float = 30.0
    # Without room for another octet because the client does not read, then the connection is closed.
    send: float = 60.0
    # After our FIN, for the client's; nginx's lingering_timeout.
    linger: float = 5.0


class State(Generic[V]):
    """A bounded mapping that evicts the entry that was set longest ago."""

    def __init__(self, limit: int = STATE_ENTRIES) -> None:
        self._limit = limit
        self._entries: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, default: V) -> V:
        return self._entries.get(key, default)

    def __setitem__(self, key: Hashable, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> Iterator[tuple[Hashable, V]]:
        return iter(self._entries.items())


class Environment:
    """The environment that all peers of one server share.

    Args:
        seed: the seed of every random choice.
        speed: the seconds that pass for a failure mode in one real second.
        wall_clock: seconds since the epoch, for the Date field.
        canary_file: the URI of the only file that a mode may lead a client to; it need not exist.
        authority: makes the root that signs certificates, once one is needed; None for a new root.
        names: further names of this server, for its certificates; the root must permit them.

    Attributes:
        ports: the port of each door, by its name.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        speed: float = 1.0,
        limits: Limits | None = None,
        wall_clock: Callable[[], float] = time.time,
        canary_file: str = CANARY_FILE,
        authority: Callable[[], Authority] | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        self.seed = seed
        self.speed = speed
        self.limits = limits or Limits()
        self.canary_file = canary_file
        self.ports: Mapping[str, int] = {}
        self._make_authority = authority
        self._names = names
        self._folder: TemporaryDirectory[str] | None = None
        self._warned: set[str] = set()
        self._wall_clock = wall_clock
        self._states: dict[tuple[str, str], State[Any]] = {}
        self._nonces = 0
        self._nonce_prefix = blake2b(repr((seed, "nonce")).encode(), digest_size=2).hexdigest()
        self._closers: dict[str, Callable[[float], None]] = {}
        self._origin_second = -1
        self._origin = b""

    @cached_property
    def contexts(self) -> Contexts:
        """The TLS contexts of this server, whose certificates are made on first use."""
        # Imported only now: servers without TLS need no cryptography.
        from hamms_trio.pki.authority import Authority
        from hamms_trio.pki.contexts import Contexts
        from hamms_trio.pki.mint import Mint

        mint = Mint((self._make_authority or Authority)())
        mint.keys.in_thread = True
        mint.more_names = self._names
        if REVOCATION_DOOR in self.ports:
            port = self.ports[REVOCATION_DOOR]
            mint.revocation_url = f"http://127.0.0.1:{port}{REVOCATION_PATH}"
        return Contexts(mint)

    def root_file(self) -> Path:
        """Return a file with the root that clients trust, in PEM; it lasts until the server's end."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="hamms-trio-", ignore_cleanup_errors=True)
        path = Path(self._folder.name, "ca.pem")
        if not path.exists():
            path.write_bytes(self.contexts.mint.authority.pem)
        return path

    def close(self) -> None:
        """Remove the file of the root."""
        if self._folder is not None:
            self._folder.cleanup()

    def warn(self, problem: str) -> None:
        """Log a warning, unless it was logged before."""
        if problem not in self._warned:
            self._warned.add(problem)
            logger.warning("%s", problem)

    def wall_time(self) -> float:
        """Return the seconds since the epoch, as the Date field has them."""
        return self._wall_clock()

    def origin(self) -> bytes:
        """Return the field lines of every truthful response of an origin server (RFC 9110 §6.6.1, §10.2.4)."""
        second = int(self._wall_clock())
        if second != self._origin_second:
            self._origin_second = second
            self._origin = field_lines(
                (("Server", f"Hamms/{VERSION}"), ("Date", imf_fixdate(second)))
            )
        return self._origin

    def new_nonce(self) -> str:
        """Return a nonce for an exchange whose client gave none: the same in each run with this seed."""
        self._nonces += 1
        return f"{self._nonce_prefix}{self._nonces & 0xFFFFFFFF:08x}"

    def date(self, seconds: int = 0) -> str:
        """Return the time ``seconds`` from now as a field's value (RFC 9110 §5.6.7)."""
        return imf_fixdate(int(self._wall_clock()) + seconds)

    def state(self, slug: str, name: str = "") -> State[Any]:
        """Return one failure mode's state beyond a request: one bounded mapping for each name."""
        state = self._states.get((slug, name))
        if state is None:
            state = self._states[slug, name] = State()
        return state

    def count(self, slug: str, *key: Hashable) -> int:
        """Count ``key`` once more for one failure mode, and return how often it was counted."""
        counters = self.state(slug, "counters")
        counters[key] = count = counters.get(key, 0) + 1
        return int(count)

    def closes_port(self, door: str, close: Callable[[float], None]) -> None:
        """Register the function that makes this door's port refuse connections for a time."""
        self._closers[door] = close

    def close_port(self, door: str, seconds: float) -> None:
        """Let a door's port refuse connections for ``seconds`` of real time, if the door has a port."""
        if door in self._closers:
            self._closers[door](seconds)

    def forget_port(self, door: str) -> None:
        """Unregister a door whose port is closed for good."""
        self._closers.pop(door, None)

    def forget(self) -> None:
        """Clear all state, so that every counter and sequence restarts."""
        self._states.clear()


def chance(seed: int, *key: Hashable) -> float:
    """Return a number in [0, 1) that depends on its arguments alone, and on each of them.

    Not a draw from a shared generator: concurrency cannot change it, and a run can be replayed.
    """
    digest = blake2b(repr((seed, *key)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
