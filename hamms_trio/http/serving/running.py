"""A server that runs within a block."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http.accounting.access_log import AccessLog, LogFormat
from hamms_trio.http.serving.server import Server
from hamms_trio.http.serving.service import Service
from hamms_trio.line_writer import LineWriter
from hamms_trio.net.accepted import Handover
from hamms_trio.net.nursery import ungrouped

DRAIN_SECONDS = 5.0


class RunningServer:
    """A server and its address.

    Attributes:
        service: its routes, limits and account.
        companions: servers that are drained together with this one, by role.
    """

    def __init__(
        self,
        host: str,
        port: int,
        server: Server,
        stopped: trio.Event,
        certificate: ServerCertificate | None,
    ) -> None:
        self.host = host
        self.port = port
        self.service = server.service
        self.companions: dict[str, RunningServer] = {}
        self._server = server
        self._stopped = stopped
        self._certificate = certificate

    @property
    def url(self) -> str:
        """The server's URL, without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "https" if self.speaks_tls else "http"
        return f"{scheme}://{host}:{self.port}"

    @property
    def speaks_tls(self) -> bool:
        """True if the server has a certificate."""
        return self._certificate is not None

    def adopt(self, handover: Handover) -> None:
        """Serve a connection that another owner gives away."""
        self._server.adopt(handover)

    async def reload(self) -> None:
        """Reload the certificate, for connections from now on.

        Raises:
            CertificateUnusable: the files are unusable; the old certificate stays.
        """
        if self._certificate is not None:
            await self._certificate.reload_in_thread()

    async def drain(self, timeout: float = DRAIN_SECONDS) -> None:
        """Answer the requests in flight, refuse later ones, and stop."""
        async with trio.open_nursery() as nursery:
            for companion in self.companions.values():
                nursery.start_soon(companion.drain, timeout)
            await self._server.drain(timeout)
        await self._stopped.wait()

    async def wait_stopped(self) -> None:
        """Wait until `drain` has stopped the server."""
        await self._stopped.wait()


@asynccontextmanager
async def open_server(
    service: Service,
    host: str,
    port: int,
    sockets: Sequence[socket.socket],
    *,
    certificate: ServerCertificate | None = None,
    log_format: LogFormat = LogFormat.PLAIN,
    log_descriptor: int | None = None,
) -> AsyncIterator[RunningServer]:
    """Serve listening sockets while the ``async with`` block runs; the server closes them.

    Args:
        certificate: for TLS; None to speak plain HTTP.
        log_descriptor: the access log's file; None for no log.
    """
    outlet = LineWriter(log_descriptor, "access log") if log_descriptor is not None else None
    if outlet is not None:
        log = AccessLog(service, log_format, outlet.put)
        service.account.log_to(log.write, log.flush)
    server = Server(service, sockets, certificate=certificate)
    stopped = trio.Event()
    try:
        with ungrouped():
            async with trio.open_nursery() as nursery:
                await nursery.start(_run, server, stopped)
                yield RunningServer(host, port, server, stopped, certificate)
                nursery.cancel_scope.cancel()
    finally:
        if outlet is not None:
            outlet.close()


async def _run(server: Server, stopped: trio.Event, task_status: trio.TaskStatus[None]) -> None:
    try:
        await server.run(task_status=task_status)
    finally:
        stopped.set()
