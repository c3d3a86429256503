"""The server for code that has no trio loop: plain tests, asyncio, threads.

`HammsServer` runs a trio loop in a thread of its own and asks it things by callback, so it may be used
from any thread, whatever loop that thread may run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType

import trio

from hamms_trio.app import (
    BEGINNING_PORT,
    ArmedMode,
    OpenDoor,
    RunningWorkbench,
    WorkbenchSettings,
    open_hamms,
)
from hamms_trio.errors import AlreadyRunning, NotRunning
from hamms_trio.lab.shared.arming import TIMES, TTL_SECONDS, Match
from hamms_trio.loop_thread import LoopThread
from hamms_trio.modes.catalogue import Source
from hamms_trio.modes.environment import Limits
from hamms_trio.recording.ledger import WAIT_SECONDS, ConnectionRecord, Ledger, Requests


class HammsServer:
    """A server in a thread of its own.

    Use it as a context manager, or `start` and `stop` it, as often as you like.

    Args: see `hamms_trio.serve`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        beginning_port: int = BEGINNING_PORT,
        only: Iterable[str] = (),
        modes: Iterable[Source] = (),
        seed: int = 0,
        speed: float = 1.0,
        limits: Limits | None = None,
        allow_hosts: Iterable[str] = (),
        workbench: bool | WorkbenchSettings = False,
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
        )
        self._changing = threading.Lock()  # any thread may start and stop
        self._loop: LoopThread | None = None
        self._ledger: BlockingLedger | None = None
        self._doors: list[BlockingDoor] = []

    def start(self, beginning_port: int | None = None) -> None:
        """Serve from now on; every port accepts when this returns.

        Args:
            beginning_port: instead of the one given before.

        Raises:
            PortUnavailable: a port can't be listened on; none is left open.
            AlreadyRunning: it was started before and not stopped.
            UnknownMode, ValueError: see `hamms_trio.serve`.
        """
        port = self._beginning_port if beginning_port is None else beginning_port
        with self._changing:
            if self._loop is not None:
                raise AlreadyRunning("this server is running: stop() it first, or make another")
            self._loop = LoopThread(lambda: self._open(beginning_port=port))
            self._ledger = BlockingLedger(self._loop)

    def stop(self) -> None:
        """Close everything; every port is free when this returns. Does nothing if it is not running."""
        with self._changing:
            loop, self._loop = self._loop, None
            self._doors.clear()  # which end with the loop
            if loop is not None:
                loop.stop()

    def __enter__(self) -> HammsServer:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def ports(self) -> dict[str, int]:
        """The port of each door, by its name."""
        return dict(self._running.hamms.ports)

    def address(self, name: str) -> tuple[str, int]:
        """Host and port of a failure mode or door (see `Addresses.address`)."""
        return self._running.hamms.address(name)

    def url(self, name: str, /, path: str = "/", **parameters: object) -> str:
        """The URL of a failure mode or door, its parameters in the query (see `Addresses.url`)."""
        return self._running.hamms.url(name, path, **parameters)

    def open(self, name: str, /, **arguments: object) -> BlockingDoor:
        """Open a door of one's own on a free port, until it is closed (see `Hamms.open`).

        The end of a ``with`` block closes it, as do `close_doors`, `start_afresh` and `stop`; the fixture closes it
        at the end of the test.

        Raises:
            UnknownMode: there is no such mode, or it is not served.
            ParameterError: the mode has no such parameter, or does not take this value.
            PortUnavailable: there is no free port.
        """
        door = BlockingDoor(self._running, name, arguments)
        self._doors.append(door)
        return door

    def arm(
        self,
        name: str,
        /,
        *,
        times: int = TIMES,
        ttl: float = TTL_SECONDS,
        match: Match | Mapping[str, object] | None = None,
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
        armed = loop.call(
            lambda: loop.hamms.arm(name, times=times, ttl=ttl, match=match, arguments=given)
        )
        return BlockingArmedMode(loop, armed)

    @property
    def seed(self) -> int:
        """The seed that decides every random choice."""
        return self._running.hamms.seed

    def close_doors(self) -> None:
        """Close every door that `open` has opened."""
        while self._doors:
            self._doors.pop().close()

    @property
    def workbench(self) -> RunningWorkbench:
        """The workbench beside the failure modes: its ``port``, and ``url(path)``.

        Raises:
            NotRunning: this server is not running, or was made without ``workbench=True``.
        """
        return self._running.hamms.workbench

    @property
    def ledger(self) -> BlockingLedger:
        """What each client did; it outlives `stop`, until the next `start`.

        Raises:
            NotRunning: the server was never started.
        """
        if self._ledger is None:
            raise NotRunning("this server has no ledger yet: start() it first")
        return self._ledger

    def start_afresh(self) -> None:
        """Drop every connection, disarm all, and forget what the modes and the ledger remember; the ports stay."""
        loop = self._running
        self.close_doors()
        loop.call(loop.hamms.start_afresh)

    @property
    def _running(self) -> LoopThread:
        if self._loop is None:
            raise NotRunning("this server is not running: start() it first")
        return self._loop


class BlockingDoor:
    """A door that was opened for one test, for any thread.

    Attributes:
        name: the door's name, which the ledger accepts.
        port: the port that it listens on.
    """

    def __init__(self, loop: LoopThread, name: str, arguments: dict[str, object]) -> None:
        self._loop = loop
        self._name, self._arguments = name, arguments
        self._closing, self._closed = trio.Event(), trio.Event()
        self._door = loop.run(partial(loop.start, self._hold))
        self.name = self._door.name
        self.port = self._door.port

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._door.address

    def url(self, path: str = "/", **parameters: object) -> str:
        """The door's URL; parameters in the query override the door's arguments (see `OpenDoor.url`)."""
        return self._door.url(path, **parameters)

    def close(self) -> None:
        """Stop listening and reset the door's connections. Does nothing if it is closed."""

        async def wait_closed() -> None:
            self._closing.set()
            await self._closed.wait()

        with suppress(NotRunning):
            self._loop.run(wait_closed)

    def __enter__(self) -> BlockingDoor:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def _hold(self, *, task_status: trio.TaskStatus[OpenDoor]) -> None:
        async with self._loop.hamms.open(self._name, **self._arguments) as door:
            task_status.started(door)
            await self._closing.wait()
        self._closed.set()


class BlockingArmedMode:
    """A failure mode that was armed, for any thread.

    Attributes:
        number: its place among the armed ones of this server.
    """

    def __init__(self, loop: LoopThread, armed: ArmedMode) -> None:
        self.number = armed.number
        self._loop = loop
        self._armed = armed

    @property
    def left(self) -> int:
        """The number of connections or requests that it still waits for."""
        return self._loop.call(lambda: self._armed.left)

    def disarm(self) -> None:
        """Let no more clients meet it."""
        self._loop.call(self._armed.disarm)

    def __enter__(self) -> BlockingArmedMode:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.disarm()


class BlockingLedger:
    """What each client did (see `hamms_trio.recording.ledger.Ledger`), for any thread."""

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._ledger = loop.hamms.ledger

    def connections(self, name: str | None = None) -> list[ConnectionRecord]:
        """The connections of one failure mode or door, or of all, in the order in which they came."""
        return self._loop.call(lambda: self._ledger.connections(name))

    def open_connections(self, name: str | None = None) -> list[ConnectionRecord]:
        """Those that neither the client has left nor the server has closed."""
        return self._loop.call(lambda: self._ledger.open_connections(name))

    def requests(self, name: str | None = None, /, **parameters: object) -> Requests:
        """The requests to one failure mode or door, or to all, with these parameters, given or by default."""
        return self._loop.call(lambda: self._ledger.requests(name, **parameters))

    def fired(self, name: str, *, key: str | None = None) -> bool:
        """True if the fault of this failure mode was ever played, for this ``key`` or any."""
        return self._loop.call(lambda: self._ledger.fired(name, key=key))

    def of_nonce(self, nonce: str) -> tuple[list[ConnectionRecord], Requests]:
        """The requests with this nonce, and the connections that carried them or have it themselves."""
        return self._loop.call(lambda: self._ledger.of_nonce(nonce))

    def forget(self, nonce: str) -> None:
        """Forget the requests with this nonce, and the connections that ended and carried nothing else."""
        self._loop.call(lambda: self._ledger.forget(nonce))

    def clear(self) -> None:
        """Forget everything but the connections that are still open."""
        self._loop.call(self._ledger.clear)

    def wait_until(
        self, condition: Callable[[Ledger], bool], *, timeout: float = WAIT_SECONDS
    ) -> None:
        """Wait until ``condition`` holds of the ledger; it is asked again after each change.

        Raises:
            TimeoutError: it did not hold within ``timeout`` seconds; says what the ledger has.
        """
        ledger = self._ledger
        if not self._loop.call(lambda: condition(ledger)):
            self._loop.run(partial(ledger.wait_until, condition, timeout=timeout))
