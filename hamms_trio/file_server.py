"""The classic small file server: a directory over HTTP, and nothing else."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from math import inf

import trio

from hamms_trio.errors import AlreadyRunning, NotRunning
from hamms_trio.files import FileTree, Root
from hamms_trio.http import ServerLimits, Service
from hamms_trio.http.resources.files import FileRouter
from hamms_trio.http.serving.running import DRAIN_SECONDS, RunningServer, open_server
from hamms_trio.http.telling.access_log import LogFormat
from hamms_trio.net.ports import BACKLOG, open_port

FILES_PORT = 8000
MAX_CONNECTIONS = 2048
MAX_PORT = 65535
MAX_BACKLOG = 2**31 - 1  # a C int


@asynccontextmanager
async def open_file_server(
    root: str | os.PathLike[str] = ".",
    *,
    host: str = "127.0.0.1",
    port: int = FILES_PORT,
    max_connections: int = MAX_CONNECTIONS,
    log_format: LogFormat = LogFormat.PLAIN,
    log_descriptor: int | None = None,
) -> AsyncIterator[RunningServer]:
    """Serve a directory while the ``async with`` block runs.

    Args:
        port: 0 takes a free one.
        max_connections: at the same time; others wait. 1 makes it answer one request after the other,
            each on a connection of its own.
        log_descriptor: where the access log is written; None for nowhere.

    Raises:
        PortUnavailable: the port can't be listened on.
        NotADirectoryError, FileNotFoundError: there is no such directory.
        ValueError: no connection is allowed.
    """
    if max_connections < 1:
        raise ValueError(f"max_connections is {max_connections}, and not 1 or more")
    service = _service(root, max_connections)
    port, sockets = open_port(host, port, purpose="the file server", option="--port")
    opened = open_server(
        service, host, port, sockets, log_format=log_format, log_descriptor=log_descriptor
    )
    async with opened as running:
        yield running


class HttpServer:
    """A file server for code that has no trio loop: `open_socket`, `start_listening`, `close_socket`.

    Args:
        ip: address or name to listen on.
        port: 0 takes a free one, which ``port`` is once the socket is open.
        backlog: connections that may wait in the kernel to be accepted.
        root: the directory that is served.
        max_connections: see `open_file_server`.
        drain_timeout: seconds that requests in flight are given when it is closed.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self,
        ip: str = "127.0.0.1",
        port: int = FILES_PORT,
        backlog: int = BACKLOG,
        *,
        root: str | os.PathLike[str] = ".",
        max_connections: int = MAX_CONNECTIONS,
        drain_timeout: float = DRAIN_SECONDS,
    ) -> None:
        for name, number, least, most in (
            ("port", port, 0, MAX_PORT),
            ("backlog", backlog, 0, MAX_BACKLOG),
            ("max_connections", max_connections, 1, sys.maxsize),
            ("drain_timeout", drain_timeout, 0, inf),
        ):
            if not least <= number <= most:
                raise ValueError(f"{name} is {number}, and not from {least} to {most}")
        self.ip = ip
        self.port = port
        self._wanted_port = port
        self._backlog = backlog
        self._root = root
        self._max_connections = max_connections
        self._drain_timeout = drain_timeout
        self._sockets: Sequence[socket.socket] = ()
        self._listens = False
        self._is_closing = False
        self._wake: Callable[[], None] | None = None

    def open_socket(self) -> None:
        """Listen: clients may connect from now on.

        Raises:
            PortUnavailable: the port can't be listened on.
            AlreadyRunning: the socket is open.
        """
        if self._sockets or self._listens:
            raise AlreadyRunning("this server's socket is open: close_socket() it first")
        self._is_closing = False
        self.port, self._sockets = open_port(
            self.ip, self._wanted_port, purpose="the file server", option="port"
        )
        for sock in self._sockets:
            sock.listen(self._backlog)  # once more, which is how its backlog is changed

    def start_listening(self) -> None:
        """Serve until `close_socket` is called, from a signal handler or another thread.

        Raises:
            NotRunning: the socket was never opened.
            AlreadyRunning: another thread is in it.
            FileNotFoundError, NotADirectoryError: there is no such directory.
        """
        service = _service(self._root, self._max_connections)
        if self._listens:
            raise AlreadyRunning("this server listens: close_socket() it first")
        self._listens = True
        sockets, self._sockets = self._sockets, ()
        try:
            if sockets:
                trio.run(self._serve, service, sockets)
            elif not self._is_closing:
                raise NotRunning("this server has no socket: open_socket() first")
        finally:
            for (
                sock
            ) in sockets:  # still open if it was called within a trio loop, where it can't run
                sock.close()
            self._listens = False

    def close_socket(self) -> None:
        """Accept no more, and have `start_listening` return once what is in flight is answered."""
        self._is_closing = True
        sockets, self._sockets = self._sockets, ()
        for sock in sockets:
            sock.close()
        if self._wake is not None:
            self._wake()

    async def _serve(self, service: Service, sockets: Sequence[socket.socket]) -> None:
        token, closing = trio.lowlevel.current_trio_token(), trio.Event()

        def wake() -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(closing.set)

        self._wake = wake
        try:
            async with open_server(service, self.ip, self.port, sockets) as running:
                if not self._is_closing:  # it may have been closed before there was anybody to wake
                    await closing.wait()
                await running.drain(self._drain_timeout)
        finally:
            self._wake = None


def _service(root: str | os.PathLike[str], max_connections: int) -> Service:
    served = Root(root)
    served.check()
    router = FileRouter(FileTree(root=served, listing=True))
    limits = ServerLimits(connections=max_connections, connections_wait=True)
    if max_connections == 1:  # whoever kept the connection would keep everybody else waiting
        limits = replace(limits, requests=1)
    return Service(router, limits=limits)
