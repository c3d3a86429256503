"""The octets on the wire between a failure mode and a client, in virtual time.

The client is a script, the connection is in memory, and nobody waits: a mode that sleeps for an hour takes no time.
Carriers take no part; they have tests of their own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from itertools import groupby

from hamms_trio.errors import PeerGone
from hamms_trio.lab.doors import AnyDoor, Door, Doors
from hamms_trio.lab.listeners import open_listeners
from hamms_trio.lab.script.requests import GET
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.modes import Catalogue, known_modes
from hamms_trio.modes.model.environment import Environment
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.observer import Ending
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recorder, Recording

# Virtual seconds between connecting and the first request, and between two requests.
HESITATION = 1.0
PATIENCE = 61.7  # after the last request; not a multiple of any mode's timer, so nothing ties
SECOND = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's own example
SCRIPT_PORTS = {"other": 55544}
UNANSWERED = 0.05  # real seconds after which a SYN to this machine will have no answer
URGENT = "urgent "  # begins the line of an octet that is beside the stream
MOST_SCRIPT_OCTETS = 16 * 1024 * 1024  # that a client reads before it gives up
MOST_WRITES = 100_000  # likewise

GIVES_UP = "gives up"
TO_SERVER, TO_CLIENT = ">", "<"
Line = tuple[float, str, str | bytes]


def script(
    door: Door, requests: Sequence[bytes] = (GET,), *, most_octets: int = MOST_SCRIPT_OCTETS
) -> list[Line]:
    """Return the lines on the wire: virtual time, direction, and octets or an ending.

    Args:
        requests: the requests, which the client sends one a second.
        most_octets: octets that the client reads before it gives up.
    """
    if not door.listens:
        return unreachable(door)
    if door.mode.speaks_tls:
        from hamms_trio.lab.script.tls_player import tls_script  # only now: it needs cryptography

        return tls_script(door)
    observer = Recording(Ledger(Catalogue(door.mode).names)).opened(
        door.name, door.slug, ("192.0.2.1", 49152)
    )
    connection = ScriptedConnection(requests, observer, most_octets=most_octets)
    environment = Environment(wall_clock=lambda: SECOND)
    environment.ports = SCRIPT_PORTS
    return _joined(connection.play(door, environment))


def unreachable(door: Door) -> list[Line]:
    """Return the answer to a SYN at a port that accepts no connection, which a real socket finds out."""
    (listener,) = open_listeners([door], host="127.0.0.1")
    try:
        with socket.socket() as client:
            client.settimeout(UNANSWERED)
            client.connect(("127.0.0.1", listener.port))
        answer: Line = (0.0, TO_CLIENT, "SYN, ACK")
    except ConnectionRefusedError:
        answer = (0.0, TO_CLIENT, Ending.RST.value)
    except TimeoutError:
        answer = (PATIENCE, TO_SERVER, GIVES_UP)
    finally:
        listener.close()
    return [(0.0, TO_SERVER, "SYN"), answer]


@cache
def _labels() -> Labels:
    """Return every known mode by label, for modes that play others."""
    return Labels(Doors(known_modes()))


class _Over(BaseException):
    """The end of the play: the client has seen the end, or gives up."""


class ScriptedConnection:
    """A connection whose client sends a request each second and then waits (see `modes.connection`)."""

    def __init__(
        self,
        requests: Iterable[bytes],
        observer: Recorder,
        *,
        most_octets: int = MOST_SCRIPT_OCTETS,
    ) -> None:
        self.observer = observer
        self._most_octets = most_octets
        self._now = 0.0
        self._script = [(HESITATION * at, octets) for at, octets in enumerate(requests, 1)]
        self._ends = max((at for at, _ in self._script), default=0.0) + PATIENCE
        self._lines: list[Line] = [(at, TO_SERVER, octets) for at, octets in self._script]
        self._last: list[Line] = []
        self._octets = 0

    def play(self, door: AnyDoor, environment: Environment) -> list[Line]:
        """Play the door until its end or the client's, and return the lines on the wire."""
        play = door.play(Peer(self, environment, _labels().find))
        try:
            play.send(None)
        except _Over:
            pass
        except (PeerGone, StopIteration):
            self._end(Ending.FIN)
        else:
            raise AssertionError(f"{door.name} waits for something else than its peer")
        finally:
            play.close()
        lines = [line for line in self._lines if line[0] <= self._now]
        return self._ordered(lines) + self._last

    def _ordered(self, lines: list[Line]) -> list[Line]:
        """Return the lines in order: requests were noted before they were sent."""
        return sorted(lines, key=_order)

    # A peer's calls

    def now(self) -> float:
        return self._now

    async def receive(self, deadline: float | None = None) -> bytes:
        at, octets = self._script[0] if self._script else (self._ends, b"")
        if deadline is not None and deadline < at:
            self._advance(deadline)
            raise TimeoutError
        self._advance(at)
        del self._script[:1]
        self.observer.received(len(octets))
        return octets

    async def drain(self, hear: Callable[[bytes], None], deadline: float | None = None) -> None:
        with suppress(TimeoutError, PeerGone):
            while octets := await self.receive(deadline):
                hear(octets)

    async def wait_left(self, deadline: float | None = None) -> None:
        self._advance(self._ends if deadline is None else deadline)

    async def send(self, data: bytes | memoryview) -> None:
        if self._last:
            raise PeerGone
        self._lines.append((self._now, TO_CLIENT, bytes(data)))
        self.observer.sent(data, len(data))
        self._octets += len(data)
        if self._octets > self._most_octets or len(self._lines) > MOST_WRITES:
            self._give_up()

    async def send_urgent(self, octet: bytes) -> None:
        self._lines.append((self._now, TO_CLIENT, f"{URGENT}{octet!r}"))

    async def sleep(self, seconds: float) -> None:
        self._advance(self._now + seconds)

    def client_keeps_alive(self) -> bool | None:
        return None

    async def pause(self) -> None:
        pass

    def give_back(self, octets: bytes) -> None:
        if octets:
            self._script.insert(0, (self._now, octets))

    async def send_eof(self) -> None:
        self._end(Ending.FIN)
        raise _Over

    def reset(self) -> None:
        self._end(Ending.RST)

    @property
    def is_lent(self) -> bool:
        return False

    def return_to_giver(self, octets: bytes) -> None:
        raise AssertionError("a script has no other owner")

    # Within

    def _advance(self, to: float) -> None:
        if to >= self._ends:
            self._now = self._ends
            self._give_up()
        self._now = max(self._now, to)

    def _give_up(self) -> None:
        if not self._last:
            self._last = [(self._now, TO_SERVER, GIVES_UP)]
        raise _Over

    def _end(self, how: Ending) -> None:
        if not self._last:
            self.observer.note_ended(how)
            self._last = [(self._now, TO_CLIENT, how.value)]


def _order(line: Line) -> tuple[float, bool]:
    """Return the sort key: time, then the client's octets, then the server's in their order, then an end."""
    at, direction, what = line
    return at, direction == TO_CLIENT or isinstance(what, str)


def _joined(lines: list[Line]) -> list[Line]:
    """Join octets that were sent at the same time, because their division into pieces is random."""
    joined: list[Line] = []
    for (at, direction, is_octets), group in groupby(lines, _moment):
        if is_octets:
            pieces = (what for _, _, what in group if isinstance(what, bytes))
            joined.append((at, direction, b"".join(pieces)))
        else:
            joined.extend(group)
    return joined


def _moment(line: Line) -> tuple[float, str, bool]:
    return line[0], line[1], isinstance(line[2], bytes)
