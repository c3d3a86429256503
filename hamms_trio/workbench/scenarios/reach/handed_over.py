"""Answers of a failure mode on the client's own connection, such as those of a mock with ``fail``.

A step within this process has no connection. It gets one over loopback, and the other end is handed over.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import trio

from hamms_trio.net.accepted import Handover
from hamms_trio.net.nursery import ungrouped
from hamms_trio.workbench.scenarios.reach.modes import LOOPBACK, open_step_client
from hamms_trio.workbench.scenarios.steps.sending import StepAnswer, StepRequest


async def meet(take: Callable[[Handover], None], request: StepRequest) -> StepAnswer:
    """Send a request over a connection whose other end is handed over, and return the answer.

    Args:
        take: takes the connection.

    Raises:
        Lost: no response could be read.
    """
    with socket.create_server((LOOPBACK, 0)) as listener, ungrouped():
        listener.setblocking(False)
        port = listener.getsockname()[1]
        async with (
            open_step_client(f"http://{LOOPBACK}:{port}") as client,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_hand_over, listener, take)
            answer = await client.send(request)
            nursery.cancel_scope.cancel()
    return answer


async def _hand_over(listener: socket.socket, take: Callable[[Handover], None]) -> None:
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            sock, client = listener.accept()
        except OSError:
            # The client has left already, or there is no descriptor: its time ends the step.
            return
        sock.setblocking(False)
        take(Handover(sock, client))
