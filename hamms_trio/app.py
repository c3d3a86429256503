"""The composition root: a running server, and the object through which its users reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from hamms_trio.errors import NotRunning
from hamms_trio.lab.addresses import Addresses, url_of
from hamms_trio.lab.doors import AnyDoor, Door, Doors
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import Listener, open_listeners
from hamms_trio.lab.path_door import PathDoor
from hamms_trio.lab.shared.other_door import OtherDoor
from hamms_trio.modes import Catalogue, known_modes
from hamms_trio.modes.catalogue import Source
from hamms_trio.modes.environment import CANARY_FILE, Environment, Limits
from hamms_trio.net.accepted import Handover
from hamms_trio.net.nursery import ungrouped
from hamms_trio.recording.bus import Bus
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording

if TYPE_CHECKING:
    from hamms_trio.workbench import Workbench

BEGINNING_PORT = 5500
HIGHEST_PORT = 65535
WORKBENCH_OFFSET = 100  # above the beginning port
SPEEDS = (0.001, 1_000_000)


@dataclass(frozen=True, kw_only=True)
class WorkbenchSettings:
    """How the workbench is served beside the failure modes.

    Attributes:
        port: 0 takes a free one; None the beginning port plus `WORKBENCH_OFFSET`.
        log_format: of its access log, ``plain`` or ``json``.
        log_descriptor: where the access log is written; None for nowhere.
        allow_hosts: names of this machine in URLs, beside localhost and its addresses.
    """

    port: int | None = None
    log_format: str = "plain"
    log_descriptor: int | None = None
    allow_hosts: tuple[str, ...] = ()


class RunningWorkbench:
    """The workbench beside the failure modes.

    Attributes:
        port: the port that it listens on.
        library: what Python code may do with it.
    """

    def __init__(self, workbench: Workbench) -> None:
        self.port = workbench.port
        self.library = workbench

    def url(self, path: str = "/") -> str:
        """The URL of one of its resources."""
        return self.library.url.rstrip("/") + (path if path.startswith("/") else f"/{path}")

    async def drain(self, seconds: float) -> None:
        """Answer what is in flight, for so many seconds at most, and nothing more."""
        await self.library.drain(seconds)


class OpenDoor:
    """A door that was opened for one test.

    Attributes:
        name: the door's name, which the ledger accepts.
        port: the port that it listens on.
    """

    def __init__(self, door: Door, host: str, port: int) -> None:
        self.name = door.name
        self.port = port
        self._door = door
        self._host = host

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._host, self.port

    def url(self, path: str = "/", **parameters: object) -> str:
        """The door's URL; parameters in the query override the door's arguments.

        Raises:
            ParameterError: the mode has no such parameter, or does not take this value.
        """
        return url_of(self._door, self._host, self.port, path, parameters)


class Hamms(Addresses):
    """A running server, for code on the same trio loop.

    Attributes:
        ledger: what each client did.
        bus: the events as they happen, for subscribers.
        doors: every door by name, and the failure modes that are served.
    """

    def __init__(
        self,
        host: str,
        doors: Doors,
        listeners: Iterable[Listener],
        running: Host,
        environment: Environment,
        recording: Recording,
        workbench: Workbench | None = None,
    ) -> None:
        super().__init__(host, doors, {entry.door.name: entry.port for entry in listeners})
        self.doors = doors
        self.ledger: Ledger = recording.ledger
        self.bus: Bus = recording.bus
        self._listens_on = host
        self._running = running
        self._environment = environment
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
    async def open(self, name: str, /, **arguments: object) -> AsyncIterator[OpenDoor]:
        """Open a door of one's own on a free port while the ``async with`` block runs.

        Args:
            name: the slug or an alias of a failure mode, or the name of a door.
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
        (listener,) = open_listeners([door], host=self._listens_on)
        self.doors.names.doors[door.name] = door.slug
        self.ports[door.name] = listener.port
        try:
            async with self._running.serving(listener):
                yield OpenDoor(door, self._host, listener.port)
        finally:
            del self.ports[door.name]

    def adopter(self, name: str, /, **arguments: object) -> Callable[[Handover], None]:
        """Return a function that lets a failure mode play on a connection of another owner.

        The arguments, and what is raised, are those of `open`.
        """
        known = self.doors.find_served(name)
        given = {**known.given, **known.mode.checked(arguments)}
        door = Door(known.name, known.mode, given, exempt=self.doors.exempt)
        return partial(self._running.adopt, door)

    def start_afresh(self) -> None:
        """Drop every connection and forget what the modes and the ledger remember; the ports stay."""
        self._running.drop_connections()
        self._environment.forget()
        self.ledger.clear()


async def serve(
    *,
    host: str = "127.0.0.1",
    beginning_port: int = BEGINNING_PORT,
    only: Iterable[str] = (),
    modes: Iterable[Source] = (),
    seed: int = 0,
    speed: float = 1.0,
    limits: Limits | None = None,
    workbench: bool | WorkbenchSettings = False,
    canary_file: str | PathLike[str] | None = None,
    task_status: trio.TaskStatus[Hamms] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve failure modes until cancelled, each on its own port; for ``nursery.start``.

    Args:
        host: an address of this machine, or a name; a name's every address is listened on.
        beginning_port: each door listens on this plus its offset; with 0 on free ports.
        only: names of the modes and doors to serve, instead of all.
        modes: failure modes of one's own beside ours, or modules that declare some.
        seed: decides every random choice.
        speed: how many seconds pass for a failure mode in one real second.
        limits: how long the modes that read HTTP wait for a client.
        workbench: True to serve the workbench beside the modes, or how.
        canary_file: the only file to which a mode leads clients, ``redirect-to-file``.
        task_status: receives a `Hamms` once every port accepts.

    Raises:
        PortUnavailable: a port can't be listened on; none is left open.
        UnknownMode: ``only`` names a mode that does not exist.
        CatalogueError: ``modes``, or those of an installed package, claim a slug that is taken.
        ValueError: ``beginning_port`` or ``speed`` is out of range.
    """
    opened = open_hamms(
        host=host,
        beginning_port=beginning_port,
        only=only,
        modes=modes,
        seed=seed,
        speed=speed,
        limits=limits,
        workbench=workbench,
        canary_file=canary_file,
    )
    async with opened as hamms:
        task_status.started(hamms)
        await trio.sleep_forever()


@asynccontextmanager
async def open_hamms(
    *,
    host: str = "127.0.0.1",
    beginning_port: int = BEGINNING_PORT,
    only: Iterable[str] = (),
    modes: Iterable[Source] = (),
    seed: int = 0,
    speed: float = 1.0,
    limits: Limits | None = None,
    workbench: bool | WorkbenchSettings = False,
    canary_file: str | PathLike[str] | None = None,
) -> AsyncIterator[Hamms]:
    """Serve failure modes while the ``async with`` block runs (see `serve`)."""
    environment = Environment(
        seed=seed,
        speed=_checked_speed(speed),
        limits=limits,
        canary_file=_uri(canary_file),
    )
    doors = Doors(catalogue_with(modes), only)
    settings = WorkbenchSettings() if workbench is True else workbench or None
    doors_with_ports: list[AnyDoor] = [*doors.ports, PathDoor(doors)]
    if any(mode.crosses for mode in doors.served.values()):
        doors_with_ports.append(OtherDoor())
    beginning_port = _checked_port(beginning_port, doors_with_ports, settings)
    opened = opened_lab(doors, doors_with_ports, environment, host, beginning_port)
    with ungrouped():
        async with AsyncExitStack() as stack:
            # The lab binds its ports first, so that a clash names the workbench's.
            lab = await stack.enter_async_context(opened)
            beside = None
            if settings is not None:
                port = _workbench_port(settings, beginning_port, lab.listeners)
                opened_beside = _opened_workbench(host, port, settings, lab)
                beside = await stack.enter_async_context(opened_beside)
            yield lab.hamms(host, beside)


@dataclass(frozen=True)
class RunningLab:
    """The parts of a lab that runs."""

    doors: Doors
    listeners: list[Listener]
    running: Host
    environment: Environment
    recording: Recording

    def hamms(self, host: str, workbench: Workbench | None = None) -> Hamms:
        """Return the object that its users hold."""
        return Hamms(
            host,
            self.doors,
            self.listeners,
            self.running,
            self.environment,
            self.recording,
            workbench,
        )


@asynccontextmanager
async def opened_lab(
    doors: Doors,
    doors_with_ports: Iterable[AnyDoor],
    environment: Environment,
    host: str,
    beginning_port: int = 0,
) -> AsyncIterator[RunningLab]:
    """Serve doors, and record what happens there, while the ``async with`` block runs."""
    listeners = open_listeners(
        doors_with_ports, host=host, beginning_port=beginning_port, skips=True
    )
    try:
        for entry in listeners:
            doors.names.doors.setdefault(entry.door.name, entry.door.slug or None)
        environment.ports = {entry.door.name: entry.port for entry in listeners}
        recording = Recording(Ledger(doors.names))
        async with trio.open_nursery() as nursery:
            running = Host(listeners, environment, recording)
            await nursery.start(running.run)
            yield RunningLab(doors, listeners, running, environment, recording)
            nursery.cancel_scope.cancel()
    finally:
        for listener in listeners:
            listener.close()


def catalogue_with(modes: Iterable[Source] = ()) -> Catalogue:
    """Every known failure mode: ours, those of installed packages, and these.

    Raises:
        CatalogueError: they claim a slug that is taken, or can't be loaded.
    """
    return known_modes().extended(modes)


def _opened_workbench(
    host: str, port: int, settings: WorkbenchSettings, lab: RunningLab
) -> AbstractAsyncContextManager[Workbench]:
    from hamms_trio.http.telling.access_log import LogFormat
    from hamms_trio.workbench import open_workbench
    from hamms_trio.workbench.failures import Failures

    return open_workbench(
        host=host,
        port=port,
        port_option="--workbench-port",
        log_format=LogFormat(settings.log_format),
        log_descriptor=settings.log_descriptor,
        allow_hosts=settings.allow_hosts,
        failures=Failures(lab.running, lab.doors),
    )


def _workbench_port(
    settings: WorkbenchSettings, beginning_port: int, taken: Iterable[Listener]
) -> int:
    if settings.port is None:
        return beginning_port + WORKBENCH_OFFSET if beginning_port else 0
    for listener in taken:
        if listener.port == settings.port:
            raise ValueError(
                f"--workbench-port {settings.port} is that of {listener.door.name}: choose another"
            )
    return settings.port


def _checked_port(
    beginning_port: int, doors: Iterable[AnyDoor], workbench: WorkbenchSettings | None
) -> int:
    if not isinstance(beginning_port, int):
        raise TypeError(f"beginning_port={beginning_port!r} can't be used: give an int")
    offsets = [door.offset or 0 for door in doors]
    if workbench is not None and workbench.port is None:
        offsets.append(WORKBENCH_OFFSET)
    highest = HIGHEST_PORT - max(offsets)
    if not 0 <= beginning_port <= highest:
        raise ValueError(
            f"beginning_port={beginning_port} can't be used: give 0 for free ports, or 1 to {highest}"
        )
    return beginning_port


def _uri(canary_file: str | PathLike[str] | None) -> str:
    return CANARY_FILE if canary_file is None else Path(canary_file).absolute().as_uri()


def _checked_speed(speed: float) -> float:
    slowest, fastest = SPEEDS
    if not slowest <= speed <= fastest:
        raise ValueError(f"speed={speed} can't be used: give a number from {slowest} to {fastest}")
    return speed
