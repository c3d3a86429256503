"""The server for code that has no trio loop: plain tests, asyncio, threads.

`HammsServer` runs a trio loop in a thread of its own and calls into the loop, so any thread may use the server,
even one that runs another loop.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TypeVar

import trio

from hamms_trio.app import (
    BEGINNING_PORT,
    ArmedMode,
    Hamms,
    OpenDoor,
    WorkbenchSettings,
    open_hamms,
)
from hamms_trio.blocking_workbench import BlockingWorkbench as BlockingWorkbench
from hamms_trio.errors import AlreadyRunning, NotRunning
from hamms_trio.lab.armed.arming import TIMES, TTL_SECONDS, ClientMatch
from hamms_trio.loop_thread import LoopThread
from hamms_trio.modes.catalogue import ModeSource
from hamms_trio.modes.model.environment import Limits
from hamms_trio.monkey_patches import refuse_patched_process
from hamms_trio.recording.ledger import WAIT_SECONDS, ConnectionRecord, Ledger, Requests

T = TypeVar("T")


class HammsServer:
    """A server in a thread of its own.

    Use it as a context manager, or call `start` and `stop`, any number of times.

    Args: see `hamms_trio.serve`.
    """

    def __init__(
        self,
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
    ) -> None:
        self._beginning_port = beginning_port
        self._open = partial(
            open_hamms,
            host=host,
            only=(only,) if isinstance(only, str) else tuple(only),
            modes=tuple(modes),
            seed=seed,
            speed=speed,
            limits=limits,
            allow_hosts=tuple(allow_hosts),
            workbench=workbench,
            canary_file=canary_file,
            tls=tls,
            ca_dir=ca_dir,
            ca_unconstrained=ca_unconstrained,
        )
        self._changing = threading.Lock()  # any thread may start and stop
        self._loop: LoopThread | None = None
        self._ledger: BlockingLedger | None = None
        self._doors: list[BlockingDoor] = []

    def start(self, beginning_port: int | None = None) -> None:
        """Start serving; every port accepts when this returns.

        Args:
            beginning_port: replaces the constructor's.

        Raises:
            PortUnavailable: a port can't be bound; none is left open.
            AlreadyRunning: the server runs already.
            PatchedProcess: gevent or eventlet has patched this process.
            UnknownMode, ValueError: see `hamms_trio.serve`.
        """
        port = self._beginning_port if beginning_port is None else beginning_port
        refuse_patched_process()
        with self._changing:
            if self._loop is not None:
                raise AlreadyRunning("this server is running: stop() it first, or create another")
            self._loop = LoopThread(lambda: self._open(beginning_port=port))
            self._ledger = BlockingLedger(self._loop)

    def stop(self) -> None:
        """Close every port and connection before returning; do nothing if the server is not running."""
        with self._changing:
            loop, self._loop = self._loop, None
            self._doors.clear()  # the doors end with the loop
            if loop is not None:
                loop.stop()

    def __enter__(self) -> HammsServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def ports(self) -> dict[str, int]:
        """The port of each door, by its name."""
        return dict(self._running.hamms.ports)

    def address(self, name: str) -> tuple[str, int]:
        """Return host and port of a failure mode or door (see `Addresses.address`)."""
        return self._running.hamms.address(name)

    def url(
        self, name: str, /, path: str = "/", *, tls: object = False, **parameters: object
    ) -> str:
        """Return the URL of a failure mode or door, with parameters in its query (see `Addresses.url`)."""
        return self._running.hamms.url(name, path, tls=tls, **parameters)

    @property
    def ca_pem(self) -> str:
        """The certificate of the root that signs this server's certificates, in PEM."""
        return (loop := self._running).call(lambda: loop.hamms.ca_pem)

    @property
    def ca_file(self) -> Path:
        """The file with the certificate of the root, for clients that take a path; it exists until `stop`."""
        return (loop := self._running).call(lambda: loop.hamms.ca_file)

    def open(self, name: str, /, *, tls: object = False, **arguments: object) -> BlockingDoor:
        """Open a door for one test on a free port, over TLS if wanted (see `Hamms.open`).

        The end of a ``with`` block closes the door, as do `close_doors`, `start_afresh` and `stop`; the fixture
        closes it at the end of the test.

        Raises:
            UnknownMode: no such mode exists, or it is not served.
            ParameterError: the mode has no such parameter, or rejects the value.
            PortUnavailable: no port is free.
        """
        door = BlockingDoor(self._running, name, arguments, tls=tls)
        self._doors.append(door)
        return door

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
    ) -> BlockingArmedMode:
        """Arm a failure mode for clients whose URL can't name one (see `Hamms.arm`).

        The end of a ``with`` block disarms it, as do `BlockingArmedMode.disarm`, `start_afresh` and the end of
        its time.

        Raises:
            UnknownMode, NeedsPort, ParameterError: see `Hamms.arm`.
        """
        loop, given = self._running, {**(arguments or {}), **more}
        settings = partial(loop.hamms.arm, times=times, ttl=ttl, match=match, arguments=given)
        return BlockingArmedMode(loop, loop.call(lambda: settings(name)))

    @property
    def seed(self) -> int:
        """The seed that decides every random choice."""
        return self._running.hamms.seed

    def run(self, function: Callable[[Hamms], Awaitable[T]]) -> T:
        """Run an async function on the server's loop, with the server as that loop has it.

        Raises:
            NotRunning: the server is not running, or was stopped before the function had ended.
        """
        loop = self._running
        return loop.run(lambda: function(loop.hamms))

    def close_doors(self) -> None:
        """Close every door opened by `open`."""
        while self._doors:
            self._doors.pop().close()

    @property
    def workbench(self) -> BlockingWorkbench:
        """The workbench beside the failure modes: its ``port``, ``url(path)``, mocks, history and verification.

        Raises:
            NotRunning: the server is not running, or was created without ``workbench=True``.
        """
        return BlockingWorkbench(self._running)

    @property
    def ledger(self) -> BlockingLedger:
        """The ledger of connections and requests; it stays readable after `stop`, until the next `start`.

        Raises:
            NotRunning: the server was never started.
        """
        if self._ledger is None:
            raise NotRunning("this server has no ledger yet: start() it first")
        return self._ledger

    def start_afresh(self) -> None:
        """Reset every connection, disarm all, and clear the modes' state and the ledger; the ports stay."""
        loop = self._running
        self.close_doors()
        loop.call(loop.hamms.start_afresh)

    @property
    def _running(self) -> LoopThread:
        if self._loop is None:
            raise NotRunning("this server is not running: start() it first")
        return self._loop


class BlockingDoor:
    """A door opened for one test, for any thread.

    Attributes:
        name: the door's name, also for queries of the ledger.
        mode: the failure mode that a client meets.
        port: the door's port.
    """

    def __init__(
        self, loop: LoopThread, name: str, arguments: dict[str, object], *, tls: object = False
    ) -> None:
        self._loop = loop
        self._tls = tls
        self._name, self._arguments = name, arguments
        self._closing, self._closed = trio.Event(), trio.Event()
        self._door = loop.run(partial(loop.start, self._hold))
        self.name = self._door.name
        self.mode = self._door.mode
        self.port = self._door.port

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._door.address

    def url(self, path: str = "/", **parameters: object) -> str:
        """Return the door's URL; parameters in the query override the door's arguments (see `OpenDoor.url`)."""
        return self._door.url(path, **parameters)

    def close(self) -> None:
        """Stop listening and reset the door's connections; do nothing if the door is closed."""

        async def wait_closed() -> None:
            self._closing.set()
            await self._closed.wait()

        with suppress(NotRunning):
            self._loop.run(wait_closed)

    def __enter__(self) -> BlockingDoor:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def _hold(self, *, task_status: trio.TaskStatus[OpenDoor]) -> None:
        async with self._loop.hamms.open(self._name, tls=self._tls, **self._arguments) as door:
            task_status.started(door)
            await self._closing.wait()
        self._closed.set()


class BlockingArmedMode:
    """A failure mode that was armed, for any thread.

    Attributes:
        number: its place among this server's armed modes, from 1 on.
    """

    def __init__(self, loop: LoopThread, armed: ArmedMode) -> None:
        self.number = armed.number
        self._loop = loop
        self._armed = armed

    @property
    def left(self) -> int:
        """The number of connections or requests that the mode still waits for."""
        return self._loop.call(lambda: self._armed.left)

    def disarm(self) -> None:
        """Disarm the mode, so that no more clients meet it."""
        self._loop.call(self._armed.disarm)

    def __enter__(self) -> BlockingArmedMode:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.disarm()


class BlockingLedger:
    """The ledger of connections and requests (see `hamms_trio.recording.ledger.Ledger`), for any thread."""

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._ledger = loop.hamms.ledger

    def connections(self, name: str | None = None) -> list[ConnectionRecord]:
        """Return the connections of one failure mode or door, or of all, in order of arrival."""
        return self._loop.call(lambda: self._ledger.connections(name))

    def open_connections(self, name: str | None = None) -> list[ConnectionRecord]:
        """Return the connections that neither the client has left nor the server has closed."""
        return self._loop.call(lambda: self._ledger.open_connections(name))

    def requests(self, name: str | None = None, /, **parameters: object) -> Requests:
        """Return the requests to one failure mode or door, or to all, that had these parameters."""
        return self._loop.call(lambda: self._ledger.requests(name, **parameters))

    def fired(self, name: str, *, key: str | None = None) -> bool:
        """Return True if the failure mode's fault has struck, for this ``key`` or any."""
        return self._loop.call(lambda: self._ledger.fired(name, key=key))

    def of_nonce(self, nonce: str) -> tuple[list[ConnectionRecord], Requests]:
        """Return the requests with this nonce, and the connections that carried them or have it themselves."""
        return self._loop.call(lambda: self._ledger.of_nonce(nonce))

    def forget(self, nonce: str) -> None:
        """Forget the requests with this nonce, and the connections that ended and carried nothing else."""
        self._loop.call(lambda: self._ledger.forget(nonce))

    def clear(self) -> None:
        """Remove everything except connections that are still open."""
        self._loop.call(self._ledger.clear)

    def wait_until(
        self, condition: Callable[[Ledger], bool], *, timeout: float = WAIT_SECONDS
    ) -> None:
        """Wait until ``condition`` is true; it is called again after each change of the ledger.

        Raises:
            TimeoutError: the condition was false for ``timeout`` seconds; the message lists the ledger's content.
        """
        ledger = self._ledger
        if not self._loop.call(lambda: condition(ledger)):
            self._loop.run(partial(ledger.wait_until, condition, timeout=timeout))
