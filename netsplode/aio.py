"""`reset_connection` for asyncio and uvloop: cancellable, and blocks nothing."""

from __future__ import annotations

import asyncio

from netsplode import resetting
from netsplode.connections import AddressLike
from netsplode.resetting import Verify
from netsplode.result import ResetResult


async def reset_connection(
    target: object,
    remote: AddressLike | None = None,
    *,
    delay: float = 0.0,
    technique: str = "auto",
    timeout: float = 5.0,
    verify: Verify = "auto",
) -> ResetResult:
    """As `netsplode.reset_connection`; cancelled while it waits, it does no more.

    What has to search other processes does so in a thread.
    """
    todo = resetting.steps(target, remote, delay, technique, timeout, verify)
    await asyncio.sleep(0)
    came: object = None
    try:
        while True:
            try:
                step = todo.send(came)
            except StopIteration as end:
                result: ResetResult = end.value
                return result
            if callable(step):
                came = await asyncio.to_thread(step)
            else:
                await asyncio.sleep(step)
                came = None
    finally:
        todo.close()
