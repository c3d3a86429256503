"""Armed faults: failure modes for the next connections or requests of clients whose URL can't be changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase

from hamms_trio.errors import NeedsPort, ParameterError
from hamms_trio.lab.doors import Door, Doors
from hamms_trio.modes.arguments import Resolver
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.model.parameters import DAY
from hamms_trio.wire import RequestHead

TIMES = 1
TTL_SECONDS = 30.0
MOST_TIMES = 1_000_000
MOST_ARMED = 1_000


@dataclass(frozen=True, slots=True)
class ClientMatch:
    """The clients that an armed fault is for: every given member must match; without any, all clients match.

    Attributes:
        method: such as ``POST``.
        path: a pattern, such as ``/v1/*``; the query does not count.
        host: the Host field without its port; a pattern, too.
        sni: the host that a ClientHello names (RFC 6066 §3); a pattern, too, which needs no request.
        fields: patterns of fields' values, by name.
    """

    method: str | None = None
    path: str | None = None
    host: str | None = None
    sni: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, object]) -> ClientMatch:
        """Read a match.

        Raises:
            ParameterError: a name or a value can't be used, or this is no mapping.
        """
        if not isinstance(given, Mapping):
            raise ParameterError(
                f"match={given!r} can't be used: give a dict, as {{'path': '/v1/*'}}"
            )
        names = [each.name for each in fields(cls)]
        for name, value in given.items():
            if name not in names:
                raise ParameterError(f"no match has {name!r}: give {', '.join(names)}")
            if not isinstance(value, Mapping if name == "fields" else str):
                raise ParameterError(f"{name}={value!r} can't be matched: give a pattern")
        return cls(**given)  # type: ignore[arg-type]  # checked above

    @property
    def needs_request(self) -> bool:
        """True if only a request shows whether it matches."""
        return not (self.method is self.path is self.host is None and not self.fields)

    def matches_name(self, server_name: str | None) -> bool:
        """Return True if the fault is for clients with this host in SNI; None for a client without."""
        if self.sni is None:
            return True
        return server_name is not None and fnmatchcase(server_name, self.sni.lower())

    def matches(self, request: RequestHead, server_name: str | None = None) -> bool:
        """Return True if the fault is for this request, on a connection with this host in SNI."""
        if not self.matches_name(server_name):
            return False
        if self.method is not None and request.method != self.method.upper():
            return False
        if self.path is not None and not fnmatchcase(request.path, self.path):
            return False
        if self.host is not None:
            name = (request.host or "").rpartition(":")[0] or request.host or ""
            if not fnmatchcase(name.lower(), self.host.lower()):
                return False
        return all(
            (value := request.get(name.lower())) is not None and fnmatchcase(value, pattern)
            for name, pattern in self.fields.items()
        )


@dataclass(eq=False)
class ArmedFault:
    """A failure mode that waits for its connections or requests.

    Attributes:
        number: the fault's place among those of this server, from 1 on.
        door: the mode and its arguments.
        times: how many connections or requests it is for.
        left: how many of them are still to come.
        match: the requests that it is for.
        ends: the time at which it expires, on the clock of its `Arming`.
    """

    number: int
    door: Door
    times: int
    left: int
    match: ClientMatch
    ends: float

    def __post_init__(self) -> None:
        self._resolver = Resolver(self.door.mode, self.door.given, exempt=self.door.exempt)

    @property
    def at_connect(self) -> bool:
        """True if its mode acts before a request has arrived."""
        return self.door.mode.needs_port is not None

    @property
    def encounter(self) -> Encounter:
        """The encounter of a request, whose query belongs to the client and gives no arguments."""
        return self._resolver(None)


class Arming:
    """All armed faults of one server; the one that was armed first strikes first.

    Args:
        clock: the time in seconds.
    """

    def __init__(self, doors: Doors, clock: Callable[[], float] = time.monotonic) -> None:
        self._doors = doors
        self._clock = clock
        self._faults: list[ArmedFault] = []
        self._count = 0

    def arm(
        self,
        name: str,
        arguments: Mapping[str, object],
        *,
        times: int = TIMES,
        ttl: float = TTL_SECONDS,
        match: ClientMatch | Mapping[str, object] | None = None,
    ) -> ArmedFault:
        """Arm a failure mode for the next connections at the armed door, or requests at the universal one.

        Raises:
            UnknownMode: nothing has this name, or its mode is not served.
            NeedsPort: nothing listens on the mode's port, so no client is ever met.
            ParameterError: an argument can't be used, or the match can't be made.
        """
        known = self._doors.find_served(name)
        if not known.listens:
            raise NeedsPort(f"{known.slug} can't be armed: {known.mode.needs_port}")
        match = match if isinstance(match, ClientMatch) else ClientMatch.of(match or {})
        if known.mode.needs_port and match.needs_request:
            raise ParameterError(
                f"{known.slug} acts before a request has arrived, so no request can be matched: "
                "leave match out, or give sni alone"
            )
        if not 1 <= times <= MOST_TIMES:
            raise ParameterError(f"times={times} can't be used: give 1 to {MOST_TIMES}")
        if not 0 < ttl <= DAY:
            raise ParameterError(
                f"ttl={ttl} can't be used: give more than 0 and at most {DAY} seconds"
            )
        if len(self.armed()) >= MOST_ARMED:
            raise ParameterError(f"{MOST_ARMED} faults are armed already: disarm some")
        given = {**known.given, **known.mode.checked(arguments)}
        self._count += 1
        door = Door(known.name, known.mode, given, exempt=self._doors.exempt)
        fault = ArmedFault(self._count, door, times, times, match, self._clock() + ttl)
        self._faults.append(fault)
        return fault

    def armed(self) -> list[ArmedFault]:
        """Return the faults that are still armed."""
        self._forget_ended()
        return list(self._faults)

    def seconds_left(self, fault: ArmedFault) -> float:
        """Return the seconds until a fault expires."""
        return max(0.0, fault.ends - self._clock())

    def disarm(self, number: int | None = None) -> int:
        """Disarm the fault of this number, or all, and return how many were disarmed."""
        before = self.armed()
        self._faults = [each for each in before if number not in (None, each.number)]
        return len(before) - len(self._faults)

    @property
    def needs_hello(self) -> bool:
        """True if only a ClientHello shows which fault the next connection meets before it has sent a request."""
        first = next((fault for fault in self.armed() if fault.at_connect), None)
        return first is not None and first.match.sni is not None

    def take_connection(self, server_name: str | None = None) -> ArmedFault | None:
        """Take the fault that the next connection meets before a request, if there is one.

        Args:
            server_name: the host in its SNI, if its ClientHello has come.
        """
        return self._take(lambda fault: fault.at_connect and fault.match.matches_name(server_name))

    def take_request(
        self, request: RequestHead, server_name: str | None = None
    ) -> ArmedFault | None:
        """Take the fault that this request meets, on a connection with this host in SNI, if there is one."""
        return self._take(
            lambda fault: not fault.at_connect and fault.match.matches(request, server_name)
        )

    def _take(self, is_for: Callable[[ArmedFault], bool]) -> ArmedFault | None:
        if not self._faults:
            return None
        self._forget_ended()
        fault = next(filter(is_for, self._faults), None)
        if fault is not None:
            fault.left -= 1
            if not fault.left:
                self._faults.remove(fault)
        return fault

    def _forget_ended(self) -> None:
        now = self._clock()
        self._faults = [fault for fault in self._faults if fault.ends > now]
