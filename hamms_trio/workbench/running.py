"""A running workbench: its routes, its port, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from hamms_trio.hosting.grouping import ungrouped
from hamms_trio.hosting.listeners import open_port
from hamms_trio.server import Router, ServerLimits, Service
from hamms_trio.server.access_log import AccessLog, LogFormat, Outlet
from hamms_trio.server.basics import add_basics
from hamms_trio.server.metrics import add_metrics
from hamms_trio.server.server import Server

WORKBENCH_PORT = 8080
DRAIN_SECONDS = 5.0


class Workbench:
    """A running workbench.

    Attributes:
        service: its routes, limits and account.
    """

    def __init__(self, host: str, port: int, server: Server, stopped: trio.Event) -> None:
        self.host = host
        self.port = port
        self.service = server.service
        self._server = server
        self._stopped = stopped

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def drain(self, timeout: float = DRAIN_SECONDS) -> None:
        """Answer what is in flight, refuse what comes after, and stop."""
        await self._server.drain(timeout)
        await self._stopped.wait()

    async def wait_stopped(self) -> None:
        """Wait until `drain` has stopped it."""
        await self._stopped.wait()


@asynccontextmanager
async def open_workbench(
    *,
    host: str = "127.0.0.1",
    port: int = WORKBENCH_PORT,
    port_option: str = "--port",
    limits: ServerLimits | None = None,
    log_format: LogFormat = LogFormat.PLAIN,
    log_descriptor: int | None = None,
) -> AsyncIterator[Workbench]:
    """Serve the workbench while the ``async with`` block runs.

    Args:
        port: 0 takes a free one.
        port_option: what the user chooses the port with, for the error's message.
        log_descriptor: where the access log is written; None for nowhere.

    Raises:
        PortUnavailable: the port can't be listened on.
    """
    router = Router()
    service = Service(router, limits=limits)
    add_basics(router)
    add_metrics(router, service)
    port, sockets = open_port(host, port, purpose="the workbench", option=port_option)
    outlet = Outlet(log_descriptor) if log_descriptor is not None else None
    if outlet is not None:
        service.account.log_to(AccessLog(service, log_format, outlet.put).write)
    server = Server(service, sockets)
    stopped = trio.Event()
    try:
        with ungrouped():
            async with trio.open_nursery() as nursery:
                await nursery.start(_run, server, stopped)
                yield Workbench(host, port, server, stopped)
                nursery.cancel_scope.cancel()
    finally:
        if outlet is not None:
            outlet.close()


async def _run(server: Server, stopped: trio.Event, task_status: trio.TaskStatus[None]) -> None:
    try:
        await server.run(task_status=task_status)
    finally:
        stopped.set()
