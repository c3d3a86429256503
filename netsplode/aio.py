"""`reset_connection` for asyncio and uvloop: cancellable, and blocks nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from netsplode import resetting
from netsplode.connections import AddressLike
from netsplode.resetting import TechniqueName, Verify
from netsplode.result import ResetResult
from netsplode.techniques import Step

if TYPE_CHECKING:
    from netsplode.inject import Injection


async def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    delay: float = 0.0,
    technique: TechniqueName = "auto",
    timeout: float = 5.0,
    verify: Verify = "auto",
    forwarded: bool = False,
) -> ResetResult:
    """As `netsplode.reset_connection`; cancelled while it waits, it does no more.

    What would block, such as a search in other processes, is done in a thread.
    """
    await asyncio.sleep(0)
    steps = resetting.begin(
        target,
        remote,
        delay=delay,
        plan=resetting.planned(technique),
        timeout=timeout,
        verify=verify,
        forwarded=forwarded,
    )
    came: object = None
    try:
        while True:
            try:
                came = await _take(steps.send(came))
            except StopIteration as end:
                result: ResetResult = end.value
                return result
    except GeneratorExit:  # nobody runs this any more, and nothing can be awaited
        steps.close()
        raise
    except BaseException:
        await _in_thread(steps.close)  # closing an injection takes some milliseconds
        raise


async def _take(step: Step) -> object:
    if callable(step):
        return await _in_thread(step)
    if isinstance(step, float):
        await asyncio.sleep(step)
    else:
        await _wait_for(step)
    return None


async def _in_thread(work: Callable[[], object]) -> object:
    """Do it in a thread; if this is cancelled meanwhile, it is done all the same, and nothing is lost."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


async def _wait_for(injection: Injection) -> None:
    """Until it has something to do."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    watched: list[int] = []
    try:
        for descriptor in injection.filenos():
            loop.add_reader(descriptor, readable.set)
            watched.append(descriptor)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, injection.next_time - time.monotonic())):
                await readable.wait()
    except NotImplementedError:  # Windows' usual loop has no readers
        await _in_thread(injection.wait)
    finally:
        for descriptor in watched:
            if not loop.is_closed():
                loop.remove_reader(descriptor)
