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

from hamms_trio.app import BEGINNING_PORT, Hamms, open_hamms
from hamms_trio.errors import AlreadyRunning, NotRunning
from hamms_trio.modes.environment import Limits
from hamms_trio.recording.ledger import ConnectionRecord, Ledger, Requests

T = TypeVar("T")

WAIT_SECONDS = 5.0


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
        seed: int = 0,
        speed: float = 1.0,
        limits: Limits | None = None,
    ) -> None:
        self._beginning_port = beginning_port
        self._open = partial(
            open_hamms,
            host=host,
            only=(only,) if isinstance(only, str) else tuple(only),
            seed=seed,
            speed=speed,
            limits=limits,
        )
        self._changing = threading.Lock()  # any thread may start and stop
        self._loop: _Loop | None = None
        self._ledger: BlockingLedger | None = None

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
            self._loop = _Loop(lambda: self._open(beginning_port=port))
            self._ledger = BlockingLedger(self._loop)

    def stop(self) -> None:
        """Close everything; every port is free when this returns. Does nothing if it is not running."""
        with self._changing:
            loop, self._loop = self._loop, None
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
        """The port of each failure mode, by slug."""
        return dict(self._running.hamms.ports)

    def address(self, slug: str) -> tuple[str, int]:
        """Host and port of a failure mode (see `Addresses.address`)."""
        return self._running.hamms.address(slug)

    def url(self, slug: str, path: str = "/", /, **parameters: object) -> str:
        """The URL of a failure mode, its parameters in the query (see `Addresses.url`)."""
        return self._running.hamms.url(slug, path, **parameters)

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
        loop.call(loop.hamms.start_afresh)

    @property
    def _running(self) -> _Loop:
        if self._loop is None:
            raise NotRunning("this server is not running: start() it first")
        return self._loop


class BlockingLedger:
    """What each client did (see `hamms_trio.recording.ledger.Ledger`), for any thread."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop
        self._ledger = loop.hamms.ledger

    def connections(self, slug: str | None = None) -> list[ConnectionRecord]:
        """The connections, of one failure mode or of all, in the order in which they came."""
        return self._loop.call(lambda: self._ledger.connections(slug))

    def requests(self, slug: str | None = None, /, **parameters: object) -> Requests:
        """The requests to one failure mode, or to all, with these parameters, given or by default."""
        return self._loop.call(lambda: self._ledger.requests(slug, **parameters))

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

        async def wait() -> bool:
            with trio.move_on_after(timeout):
                await ledger.wait_until(condition)
                return True
            return condition(ledger)

        met = self._loop.call(lambda: condition(ledger)) or self._loop.run(wait)
        if not met:
            known = "\n".join(map(repr, [*self.connections(), *self.requests()])) or "nothing"
            raise TimeoutError(f"not so within {timeout:g} seconds; the ledger has:\n{known}")


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
