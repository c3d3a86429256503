"""A trio loop in a thread of its own, on which any other thread can run functions."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeVar

import trio
from outcome import Error, Outcome, acapture, capture

from hamms_trio.app import Hamms, OpenDoor
from hamms_trio.errors import NotRunning

T = TypeVar("T")


class LoopThread:
    """One run of a trio loop in a thread.

    Raises:
        Exception: the exception of ``opener``.
    """

    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[Hamms]]) -> None:
        self._opener = opener
        self._started: Future[Hamms] = Future()
        self._thread = threading.Thread(target=self._run, name="hamms", daemon=True)
        self._thread.start()
        self.hamms = self._started.result()

    def stop(self) -> None:
        with suppress(trio.RunFinishedError):  # a defect may have ended it already
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
