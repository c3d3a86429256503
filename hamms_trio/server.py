"""The handle of a running server: its addresses, doors, armed failure modes and ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hamms_trio.errors import NotRunning
from hamms_trio.lab.addresses import Addresses, url_of
from hamms_trio.lab.armed.arming import TIMES, TTL_SECONDS, ArmedFault, Arming, ClientMatch
from hamms_trio.lab.doors import Door, Doors
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import Listener, open_listeners
from hamms_trio.lab.secure.twins import secured
from hamms_trio.modes.model.environment import Environment
from hamms_trio.net.accepted import Handover
from hamms_trio.recording.bus import Bus
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording

if TYPE_CHECKING:
    from hamms_trio.workbench import Workbench


class RunningWorkbench:
    """The workbench beside the failure modes.

    Attributes:
        port: the port that it listens on.
        library: the workbench's API for Python code.
    """

    def __init__(self, workbench: Workbench) -> None:
        self.port = workbench.port
        self.library = workbench

    def url(self, path: str = "/") -> str:
        """Return the URL of a resource of the workbench."""
        return self.library.url.rstrip("/") + (path if path.startswith("/") else f"/{path}")

    async def drain(self, seconds: float) -> None:
        """Answer the requests in flight, for at most so many seconds, and refuse others."""
        await self.library.drain(seconds)


class ArmedMode:
    """A failure mode that was armed; the end of a ``with`` block disarms it, as does the end of its time.

    Attributes:
        number: its place among this server's armed modes, from 1 on.
    """

    def __init__(self, arming: Arming, fault: ArmedFault) -> None:
        self.number = fault.number
        self._arming = arming
        self._fault = fault

    @property
    def left(self) -> int:
        """The number of connections or requests that the mode still waits for."""
        return self._fault.left if self._fault in self._arming.armed() else 0

    def disarm(self) -> None:
        """Disarm the mode, so that no more clients meet it."""
        self._arming.disarm(self.number)

    def __enter__(self) -> ArmedMode:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.disarm()


class OpenDoor:
    """A door that was opened for one test.

    Attributes:
        name: the door's name, which the ledger accepts.
        mode: the failure mode that a client meets.
        port: the port that it listens on.
    """

    def __init__(self, door: Door, host: str, port: int) -> None:
        self.name = door.name
        self.mode = door.mode
        self.port = port
        self._door = door
        self._host = host

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._host, self.port

    def url(self, path: str = "/", **parameters: object) -> str:
        """Return the door's URL; parameters in the query override the door's arguments.

        Raises:
            ParameterError: the mode has no such parameter, or does not take this value.
        """
        return url_of(self._door, self._host, self.port, path, parameters)


class Hamms(Addresses):
    """A running server, for code on the same trio loop.

    Attributes:
        ledger: the record of connections and requests.
        bus: the events as they happen, for subscribers.
        doors: every door by name, and the failure modes that are served.
        listening: the doors that have had a port from the start.
    """

    def __init__(
        self,
        host: str,
        doors: Doors,
        listeners: Iterable[Listener],
        running: Host,
        environment: Environment,
        recording: Recording,
        arming: Arming,
        workbench: Workbench | None = None,
    ) -> None:
        listeners = list(listeners)
        super().__init__(host, doors, {entry.door.name: entry.port for entry in listeners})
        self.listening = [entry.door for entry in listeners]
        self.doors = doors
        self.ledger: Ledger = recording.ledger
        self.bus: Bus = recording.bus
        self._listens_on = host
        self._running = running
        self._environment = environment
        self._arming = arming
        self._workbench = None if workbench is None else RunningWorkbench(workbench)
        self._opened = 0

    @property
    def workbench(self) -> RunningWorkbench:
        """The workbench beside the failure modes.

        Raises:
            NotRunning: this server was started without one.
        """
        if self._workbench is None:
            raise NotRunning("this server has no workbench: start it with workbench=True")
        return self._workbench

    @property
    def has_workbench(self) -> bool:
        """True if the workbench is served, too."""
        return self._workbench is not None

    @asynccontextmanager
    async def open(
        self, name: str, /, *, tls: object = False, **arguments: object
    ) -> AsyncIterator[OpenDoor]:
        """Open a separate door on a free port while the ``async with`` block runs.

        Args:
            name: the slug or an alias of a failure mode, or the name of a door.
            tls: True for a door over TLS; the doors of TLS modes always are.
            arguments: instead of the defaults; in HTTP/1 a request's query overrides them.

        Raises:
            UnknownMode: there is no such mode, or it is not served.
            ParameterError: the mode has no such parameter, or does not take this value.
            PortUnavailable: there is no free port.
        """
        known = self.doors.find_served(name)
        given = {**known.given, **known.mode.checked(arguments)}
        self._opened += 1
        door = Door(f"{name}#{self._opened}", known.mode, given, exempt=self.doors.exempt)
        if tls:
            door = secured(door, door.name)
        (listener,) = open_listeners([door], host=self._listens_on)
        self.doors.names.doors[door.name] = door.slug
        self.ports[door.name] = listener.port
        try:
            async with self._running.serving(listener):
                yield OpenDoor(door, self._host, listener.port)
        finally:
            del self.ports[door.name]

    def arm(
        self,
        name: str,
        /,
        *,
        times: int = TIMES,
        ttl: float = TTL_SECONDS,
        match: ClientMatch | Mapping[str, object] | None = None,
        arguments: Mapping[str, object] | None = None,
        **more: object,
    ) -> ArmedMode:
        """Arm a failure mode for clients whose URL can't name one.

        The next matching connections at the door ``armed`` meet it, or the next matching requests at the door
        ``path`` that name no mode; then both are healthy again.

        Args:
            times: how many connections or requests.
            ttl: after so many real seconds it ends in any case.
            match: the requests that meet the mode, such as ``{"method": "POST", "path": "/v1/*"}``; all by default.
            arguments: the mode's arguments; those whose names differ from these parameters may also be keywords.

        Raises:
            UnknownMode: there is no such mode, or it is not served.
            NeedsPort: nothing listens on the mode's port.
            ParameterError: an argument, the match, or a number can't be used.
        """
        given = {**(arguments or {}), **more}
        return ArmedMode(
            self._arming, self._arming.arm(name, given, times=times, ttl=ttl, match=match)
        )

    @property
    def ca_pem(self) -> str:
        """The certificate of the root that signs this server's certificates, in PEM."""
        return self._environment.contexts.mint.authority.pem.decode()

    @property
    def ca_file(self) -> Path:
        """The file with the certificate of the root, which exists until the server ends."""
        return self._environment.root_file()

    @property
    def seed(self) -> int:
        """The seed that decides every random choice."""
        return self._environment.seed

    def adopter(self, name: str, /, **arguments: object) -> Callable[[Handover], None]:
        """Return a function that lets a failure mode play on a connection of another owner.

        Args:
            name: the slug or an alias of a failure mode, or the name of a door.
            arguments: instead of the defaults; in HTTP/1 a request's query overrides them.

        Raises:
            UnknownMode: there is no such mode, or it is not served.
            ParameterError: the mode has no such parameter, or does not take this value.
        """
        known = self.doors.find_served(name)
        given = {**known.given, **known.mode.checked(arguments)}
        door = Door(known.name, known.mode, given, exempt=self.doors.exempt)

        def adopt(handover: Handover) -> None:
            self._running.adopt(door, handover)

        return adopt

    def start_afresh(self) -> None:
        """Drop every connection, disarm all modes, and clear their state and the ledger; the ports stay open."""
        self._running.drop_connections()
        self._arming.disarm()
        self._environment.forget()
        self.ledger.clear()
