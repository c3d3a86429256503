"""`reset_connection` for trio: cancellable, and blocks nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import trio

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
    await trio.lowlevel.checkpoint()
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
        with trio.CancelScope(shield=True):  # closing an injection takes some milliseconds
            await trio.to_thread.run_sync(steps.close)
        raise


async def _take(step: Step) -> object:
    if callable(step):
        return await trio.to_thread.run_sync(step)
    if isinstance(step, float):
        await trio.sleep(step)
    else:
        await _wait_for(step)
    return None


async def _wait_for(injection: Injection) -> None:
    """Until it has something to do."""
    with trio.move_on_after(max(0.0, injection.next_time - time.monotonic())):
        async with trio.open_nursery() as nursery:
            for descriptor in injection.filenos():
                nursery.start_soon(_wait_readable, descriptor, nursery.cancel_scope)


async def _wait_readable(descriptor: int, scope: trio.CancelScope) -> None:
    await trio.lowlevel.wait_readable(descriptor)
    scope.cancel()
