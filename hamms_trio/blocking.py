"""The server for code that has no trio loop: plain tests, asyncio, threads.

`HammsServer` runs a trio loop in a thread of its own and asks it things by callback, so it may be used
from any thread, whatever loop that thread may run.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from types import TracebackType
from typing import TypeVar

import trio
from outcome import Error, Outcome, acapture, capture

from hamms_trio.app import (
    BEGINNING_PORT,
    Hamms,
    OpenDoor,
    RunningWorkbench,
    WorkbenchSettings,
    open_hamms,
)
from hamms_trio.errors import AlreadyRunning, NotRunning
from hamms_trio.modes.catalogue import Source
from hamms_trio.modes.environment import Limits
from hamms_trio.monkey_patches import refuse_patched_process
from hamms_trio.recording.ledger import WAIT_SECONDS, ConnectionRecord, Ledger, Requests

T = TypeVar("T")


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
            workbench=workbench,
        )
        self._changing = threading.Lock()  # any thread may start and stop
        self._loop: _Loop | None = None
        self._ledger: BlockingLedger | None = None
        self._doors: list[BlockingDoor] = []

    def start(self, beginning_port: int | None = None) -> None:
        """Serve from now on; every port accepts when this returns.

        Args:
            beginning_port: instead of the one given before.

        Raises:
            PortUnavailable: a port can't be listened on; none is left open.
            AlreadyRunning: it was started before and not stopped.
            PatchedProcess: gevent or eventlet has patched this process.
            UnknownMode, ValueError: see `hamms_trio.serve`.
        """
        port = self._beginning_port if beginning_port is None else beginning_port
        refuse_patched_process()
        with self._changing:
            if self._loop is not None:
                raise AlreadyRunning("this server is running: stop() it first, or make another")
            self._loop = _Loop(lambda: self._open(beginning_port=port))
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
        """Drop every connection and forget what the modes and the ledger remember; the ports stay."""
        loop = self._running
        self.close_doors()
        loop.call(loop.hamms.start_afresh)

    @property
    def _running(self) -> _Loop:
        if self._loop is None:
            raise NotRunning("this server is not running: start() it first")
        return self._loop


class BlockingDoor:
    """A door that was opened for one test, for any thread.

    Attributes:
        name: the door's name, which the ledger accepts.
        port: the port that it listens on.
    """

    def __init__(self, loop: _Loop, name: str, arguments: dict[str, object]) -> None:
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


class BlockingLedger:
    """What each client did (see `hamms_trio.recording.ledger.Ledger`), for any thread."""

    def __init__(self, loop: _Loop) -> None:
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


class _Loop:
    """One run of a trio loop in a thread.

    Raises:
        Exception: whatever ``opener`` raised.
    """

    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[Hamms]]) -> None:
        self._opener = opener
        self._started: Future[Hamms] = Future()
        self._thread = threading.Thread(target=self._run, name="hamms", daemon=True)
        self._thread.start()
        self.hamms = self._started.result()

    def stop(self) -> None:
        with suppress(trio.RunFinishedError):  # a bug of ours may have ended it already
            self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._thread.join()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the loop's thread, or here if the loop has ended."""
        answer: Future[Outcome[T]] = Future()
        try:
            self._token.run_sync_soon(lambda: answer.set_result(capture(function)))
        except trio.RunFinishedError:
            return function()
        return answer.result().unwrap()

    def run(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run an async function on the loop.

        Raises:
            NotRunning: the loop ended before the function did.
        """
        answer: Future[Outcome[T]] = Future()

        async def task() -> None:
            answer.set_result(await acapture(function))

        def start() -> None:
            try:
                self._nursery.start_soon(task)
            except RuntimeError:  # it is closed: the loop is about to end
                answer.set_exception(trio.RunFinishedError())

        try:
            self._token.run_sync_soon(start)
            return answer.result().unwrap()
        except (trio.RunFinishedError, trio.Cancelled):
            raise NotRunning("the server was stopped") from None

    async def start(self, task: Callable[..., Awaitable[None]]) -> OpenDoor:
        """Start a task that lasts, and return the door that it opens."""
        door: OpenDoor = await self._nursery.start(task)
        return door

    def _run(self) -> None:
        result = capture(trio.run, self._main)
        if self._started.done():
            result.unwrap()
        elif isinstance(result, Error):
            self._started.set_exception(result.error)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with self._opener() as hamms, trio.open_nursery() as self._nursery:
            self._started.set_result(hamms)
            await trio.sleep_forever()
