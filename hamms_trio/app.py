"""The composition root: the parts of a running server, its start, and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from hamms_trio.lab.addresses import client_host
from hamms_trio.lab.armed.armed_door import ArmedDoor
from hamms_trio.lab.armed.arming import Arming
from hamms_trio.lab.doors import AnyDoor, Door, Doors
from hamms_trio.lab.host import Host
from hamms_trio.lab.listeners import Listener, open_listeners
from hamms_trio.lab.secure.twins import SniDoor, secured, twins_of
from hamms_trio.lab.shared.control import ControlAnswer, ControlCall
from hamms_trio.lab.shared.family_door import family_doors
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.lab.shared.other_door import OtherDoor
from hamms_trio.lab.shared.universal import BESIDE_DOOR, UniversalDoor
from hamms_trio.modes import Catalogue, known_modes
from hamms_trio.modes.catalogue import ModeSource
from hamms_trio.modes.model.environment import CANARY_FILE, Environment, Limits
from hamms_trio.net.nursery import ungrouped
from hamms_trio.pki.folder import authority_of_run
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.recorder import Recording
from hamms_trio.server import (
    ArmedMode as ArmedMode,
    Hamms as Hamms,
    OpenDoor as OpenDoor,
    RunningWorkbench as RunningWorkbench,
)

if TYPE_CHECKING:
    from hamms_trio.control import Control
    from hamms_trio.workbench import Workbench

BEGINNING_PORT = 5500
HIGHEST_PORT = 65535
WORKBENCH_OFFSET = 100  # above the beginning port
SPEEDS = (0.001, 1_000_000)


@dataclass(frozen=True, kw_only=True)
class WorkbenchSettings:
    """The settings of the workbench that is served beside the failure modes.

    Attributes:
        port: 0 takes a free one; None the beginning port plus `WORKBENCH_OFFSET`.
        log_format: the format of its access log, ``plain`` or ``json``.
        log_descriptor: where the access log is written; None for nowhere.
        allow_hosts: names of this machine in URLs, besides localhost and its addresses.
        allow_targets: host names, addresses and networks that targets may have, besides loopback.
        state: its state file, or ``:memory:``.
    """

    port: int | None = None
    log_format: str = "plain"
    log_descriptor: int | None = None
    allow_hosts: tuple[str, ...] = ()
    allow_targets: tuple[str, ...] = ()
    state: str | PathLike[str] = ":memory:"


async def serve(
    *,
    host: str = "127.0.0.1",
    beginning_port: int = BEGINNING_PORT,
    only: Iterable[str] = (),
    modes: Iterable[ModeSource] = (),
    seed: int = 0,
    speed: float = 1.0,
    limits: Limits | None = None,
    allow_hosts: Iterable[str] = (),
    workbench: bool | WorkbenchSettings = False,
    canary_file: str | PathLike[str] | None = None,
    tls: bool = False,
    ca_dir: str | PathLike[str] | None = None,
    ca_unconstrained: bool = False,
    task_status: trio.TaskStatus[Hamms] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve failure modes until cancelled, each on its own port; for ``nursery.start``.

    Args:
        host: an address of this machine, or a name; the server listens on each address of a name.
        beginning_port: each door listens on this plus its offset; with 0 on free ports.
        only: names of the modes and doors to serve, instead of all.
        modes: your own failure modes beside the built-in ones, or Python modules that declare some.
        seed: the seed of every random choice.
        speed: the seconds that pass for a failure mode in one real second.
        limits: how long the modes that read HTTP wait for a client.
        allow_hosts: names of the control API in URLs, besides localhost and IP addresses.
        workbench: True, or the settings, to serve the workbench beside the modes.
        canary_file: the only file to which ``redirect-to-file`` leads clients.
        tls: True to serve each door that speaks HTTP over TLS as well, a thousand ports higher.
        ca_dir: the folder of the authority that signs all certificates; None for a new one, kept in no file.
        ca_unconstrained: True for an authority without name constraints, whose certificates name ``allow_hosts``.
        task_status: receives a `Hamms` once every port accepts.

    Raises:
        PortUnavailable: a port can't be listened on; none is left open.
        UnknownMode: ``only`` names a mode that does not exist.
        CatalogueError: ``modes``, or those of an installed package, claim a slug that is taken.
        CertificateUnusable: the authority in ``ca_dir`` can't be read, written or used.
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
        allow_hosts=allow_hosts,
        workbench=workbench,
        canary_file=canary_file,
        tls=tls,
        ca_dir=ca_dir,
        ca_unconstrained=ca_unconstrained,
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
    modes: Iterable[ModeSource] = (),
    seed: int = 0,
    speed: float = 1.0,
    limits: Limits | None = None,
    allow_hosts: Iterable[str] = (),
    workbench: bool | WorkbenchSettings = False,
    canary_file: str | PathLike[str] | None = None,
    tls: bool = False,
    ca_dir: str | PathLike[str] | None = None,
    ca_unconstrained: bool = False,
) -> AsyncIterator[Hamms]:
    """Serve failure modes while the ``async with`` block runs (see `serve`)."""
    allow_hosts = tuple(allow_hosts)
    environment = Environment(
        seed=seed,
        speed=_checked_speed(speed),
        limits=limits,
        canary_file=_uri(canary_file),
        authority=partial(authority_of_run, ca_dir, is_constrained=not ca_unconstrained),
        names=tuple(filter(str.isascii, allow_hosts)) if ca_unconstrained else (),
    )
    doors = Doors(catalogue_with(modes), only)
    settings = WorkbenchSettings() if workbench is True else workbench or None
    lab = Lab(doors, environment, allow_hosts)
    doors_with_ports = [*doors.ports, *lab.shared_doors()]
    if tls:
        doors_with_ports += twins_of(doors_with_ports)
    beginning_port = _checked_port(beginning_port, doors_with_ports, settings)
    opened = lab.opened(doors_with_ports, host, beginning_port)
    with ungrouped():
        async with AsyncExitStack() as stack:
            # The lab binds its ports first, so that a clash names the workbench's.
            await stack.enter_async_context(opened)
            beside = None
            if settings is not None:
                port = _workbench_port(settings, beginning_port, lab.listeners)
                opened_beside = _opened_workbench(host, port, settings, lab)
                beside = await stack.enter_async_context(opened_beside)
            # The contexts write the files, which exist then before the first client comes.
            if ca_dir is not None:
                _ = environment.contexts
            yield lab.hamms(host, beside)


class Lab:
    """The parts of one server's failure modes, from which its doors are opened.

    Args:
        allow_hosts: names of the control API in URLs, besides localhost and IP addresses.

    Attributes:
        universal: the door with every mode that acts on requests.
        beside: the same door for the workbench's port, with a name of its own in the ledger.
        listeners: all listeners while the lab is open.
        running: the host of all connections while the lab is open.
        recording: the ledger of the doors, and the events for subscribers.
    """

    running: Host

    def __init__(
        self, doors: Doors, environment: Environment, allow_hosts: Iterable[str] = ()
    ) -> None:
        self.doors = doors
        self.listeners: list[Listener] = []
        self._environment = environment
        self._allow_hosts = tuple(allow_hosts)
        self._labels = Labels(doors)
        self._arming = Arming(doors)
        self.recording = Recording(Ledger(doors.names))
        self._ports: dict[str, int] = {}
        self._control: Control | None = None
        parts = doors, self._labels, self._arming, self.answer_call
        self.universal = UniversalDoor(*parts)
        self.beside = UniversalDoor(*parts, name=BESIDE_DOOR)
        doors.names.doors[BESIDE_DOOR] = None

    def shared_doors(self) -> list[AnyDoor]:
        """Return the doors that serve several modes."""
        families = [] if self.doors.is_limited else family_doors(self.doors, self._labels)
        crosses = any(mode.crosses for mode in self.doors.served.values())
        other = [OtherDoor()] if crosses else []
        sni = [] if self.doors.is_limited else [SniDoor(self.universal)]
        return [*families, *other, *sni, ArmedDoor(self._arming), self.universal]

    @asynccontextmanager
    async def opened(
        self,
        doors_with_ports: Iterable[AnyDoor],
        host: str,
        beginning_port: int = 0,
        *,
        option: str = "--beginning-port",
    ) -> AsyncIterator[None]:
        """Serve doors, and record their connections, while the ``async with`` block runs."""
        self.listeners = open_listeners(
            doors_with_ports, host=host, beginning_port=beginning_port, option=option, skips=True
        )
        try:
            for entry in self.listeners:
                self.doors.names.doors.setdefault(entry.door.name, entry.door.slug or None)
                self._ports[entry.door.name] = entry.port
            self._environment.ports = self._ports
            self.running = Host(
                self.listeners, self._environment, self.recording, find=self._labels.find
            )
            async with trio.open_nursery() as nursery:
                await nursery.start(self.running.run)
                yield
                self.running.stop()
        finally:
            for listener in self.listeners:
                listener.close()
            self._environment.close()

    def hamms(self, host: str, workbench: Workbench | None = None) -> Hamms:
        """Return the handle of the running server."""
        return Hamms(
            host,
            self.doors,
            self.listeners,
            self.running,
            self._environment,
            self.recording,
            self._arming,
            workbench,
        )

    def answer_call(self, call: ControlCall) -> ControlAnswer:
        """Answer a call of the control API, which is imported for the first one."""
        if self._control is None:
            from hamms_trio.control import Control

            self._control = Control(
                self.doors,
                self.recording.ledger,
                self._arming,
                self._environment,
                self._ports,
                self._allow_hosts,
            )
        return self._control(call)


@asynccontextmanager
async def open_one(
    name: str,
    arguments: Mapping[str, object],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    modes: Iterable[ModeSource] = (),
    seed: int = 0,
    speed: float = 1.0,
    tls: bool = False,
    ca_dir: str | PathLike[str] | None = None,
    ca_unconstrained: bool = False,
) -> AsyncIterator[OpenDoor]:
    """Serve one failure mode at one port while the ``async with`` block runs.

    A mode that leads clients to the other origin has that origin beside it, 44 ports higher.

    Args:
        name: the slug or an alias of the mode, or the name of a door.
        arguments: values that override the mode's defaults.
        port: 0 takes a free one.
        tls: True to serve the mode over TLS; modes of TLS are in any case.
        ca_dir, ca_unconstrained: see `serve`.

    Raises:
        UnknownMode: there is no such mode.
        ParameterError: the mode has no such parameter, or does not take this value.
        PortUnavailable: the port can't be listened on.
    """
    authority = partial(authority_of_run, ca_dir, is_constrained=not ca_unconstrained)
    environment = Environment(seed=seed, speed=_checked_speed(speed), authority=authority)
    doors = Doors(catalogue_with(modes))
    known = doors.find(name)
    given = {**known.given, **known.mode.checked(arguments)}
    door = Door(known.name, known.mode, given, offset=0, exempt=doors.exempt)
    if tls:
        door = secured(door, door.name, offset=0)
    lab = Lab(doors, environment)
    needed: list[AnyDoor] = [door, OtherDoor()] if known.mode.crosses else [door]
    with ungrouped():
        async with lab.opened(needed, host, port, option="--port"):
            if ca_dir is not None:
                _ = environment.contexts
            yield OpenDoor(door, client_host(host), lab.listeners[0].port)


def catalogue_with(modes: Iterable[ModeSource] = ()) -> Catalogue:
    """Return every known failure mode: the built-in ones, those of installed packages, and these.

    Raises:
        CatalogueError: they claim a slug that is taken, or can't be loaded.
    """
    return known_modes().extended(modes)


def _opened_workbench(
    host: str, port: int, settings: WorkbenchSettings, lab: Lab
) -> AbstractAsyncContextManager[Workbench]:
    from hamms_trio.http.accounting.access_log import LogFormat
    from hamms_trio.workbench import WorkbenchOptions, open_workbench
    from hamms_trio.workbench.failures import Failures

    return open_workbench(
        host=host,
        port=port,
        port_option="--workbench-port",
        log_format=LogFormat(settings.log_format),
        log_descriptor=settings.log_descriptor,
        allow_hosts=settings.allow_hosts,
        allow_targets=settings.allow_targets,
        options=WorkbenchOptions(state=settings.state),
        failures=Failures(lab.running, lab.doors, lab.recording, beside=lab.beside),
    )


def _workbench_port(
    settings: WorkbenchSettings, beginning_port: int, taken: Iterable[Listener]
) -> int:
    if settings.port is None:
        return beginning_port + WORKBENCH_OFFSET if beginning_port else 0
    for listener in taken:
        if listener.port == settings.port:
            raise ValueError(
                f"--workbench-port {settings.port} belongs to {listener.door.name}: choose another"
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
