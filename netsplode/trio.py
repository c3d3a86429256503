"""`reset_connection` for trio: cancellable, and without blocking the loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from netsplode.asynchronous import Loop

if TYPE_CHECKING:
    from netsplode.inject import Injection


class _Trio(Loop):
    async def yield_once(self) -> None:
        await trio.lowlevel.checkpoint()

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def wait_for(self, injection: Injection) -> None:
        with trio.move_on_after(max(0.0, injection.next_time - time.monotonic())):
            async with trio.open_nursery() as nursery:
                for descriptor in injection.filenos():
                    nursery.start_soon(_wait_readable, descriptor, nursery.cancel_scope)

    async def run_in_thread(self, work: Callable[[], object]) -> object:
        return await trio.to_thread.run_sync(work)

    async def clean_up(self, close: Callable[[], object]) -> None:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(close)


async def _wait_readable(descriptor: int, scope: trio.CancelScope) -> None:
    await trio.lowlevel.wait_readable(descriptor)
    scope.cancel()


reset_connection = _Trio().reset_connection
