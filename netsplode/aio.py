"""`reset_connection` for asyncio and uvloop: cancellable, and without blocking the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from netsplode.asynchronous import Loop

if TYPE_CHECKING:
    from netsplode.inject import Injection


class _Asyncio(Loop):
    async def yield_once(self) -> None:
        await asyncio.sleep(0)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait_for(self, injection: Injection) -> None:
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        watched: list[int] = []
        try:
            for descriptor in injection.filenos():
                loop.add_reader(descriptor, readable.set)
                watched.append(descriptor)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, injection.next_time - time.monotonic())):
                    await readable.wait()
        except NotImplementedError:  # the default loop of Windows has no readers
            await self.run_in_thread(injection.wait)
        finally:
            for descriptor in watched:
                if not loop.is_closed():
                    loop.remove_reader(descriptor)

    async def run_in_thread(self, work: Callable[[], object]) -> object:
        working = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise

    async def clean_up(self, close: Callable[[], object]) -> None:
        await self.run_in_thread(close)


reset_connection = _Asyncio().reset_connection
