"""The classic small file server: a directory over HTTP, and nothing else."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from math import inf

import trio

from hamms_trio.errors import AlreadyRunning, NotRunning
from hamms_trio.files import FileTree, Root
from hamms_trio.http import ServerLimits, Service
from hamms_trio.http.accounting.access_log import LogFormat
from hamms_trio.http.resources.files import FileRouter
from hamms_trio.http.serving.running import DRAIN_SECONDS, RunningServer, open_server
from hamms_trio.monkey_patches import refuse_patched_process
from hamms_trio.net.listening.ports import BACKLOG, open_port

logger = logging.getLogger(__name__)

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
        root: the directory to serve.
        host: address or name to listen on.
        port: 0 takes a free one.
        max_connections: connections that are served at a time; others wait in the kernel's backlog. 1 makes
            the server answer one request after the other, each on a connection of its own.
        log_format: of the access log.
        log_descriptor: where the access log is written; None for nowhere.

    Raises:
        PortUnavailable: the port can't be listened on.
        NotADirectoryError, FileNotFoundError, PermissionError: the root can't be served.
        ValueError: ``max_connections`` is less than 1.
    """
    if max_connections < 1:
        raise ValueError(f"max_connections is {max_connections}: give 1 or more")
    service = _service(_checked(root), max_connections)
    port, sockets = open_port(host, port, purpose="the file server", option="--port")
    opened = open_server(
        service, host, port, sockets, log_format=log_format, log_descriptor=log_descriptor
    )
    async with opened as running:
        yield running


class HttpServer:
    """A file server for code that has no trio loop: `open_socket`, `start_listening`, `close_socket`.

    `close_socket`, from a signal handler or another thread, ends `start_listening`. SIGINT (Ctrl-C) does too, by
    KeyboardInterrupt, unless a shell started the program in the background (``program &`` in a script): such a
    job ignores SIGINT, and SIGTERM ends it (``kill PID``).

    Args:
        ip: address or name to listen on.
        port: 0 takes a free one, which ``port`` is once the socket is open.
        backlog: connections that may wait in the kernel to be accepted.
        root: the directory to serve.
        max_connections: connections that are served at a time; see `open_file_server`.
        drain_timeout: seconds that requests in flight have to finish after `close_socket`.

    Raises:
        ValueError: a number is out of its range.
        NotADirectoryError, FileNotFoundError, PermissionError: the root can't be served.
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
                raise ValueError(f"{name} is {number}: give a number from {least} to {most}")
        self.ip = ip
        self.port = port
        self._wanted_port = port
        self._backlog = backlog
        self._root = _checked(root)
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
            PatchedProcess: gevent or eventlet has patched this process.
        """
        refuse_patched_process()
        if self._sockets or self._listens:
            raise AlreadyRunning("this server's socket is open: call close_socket() first")
        self._is_closing = False
        self.port, self._sockets = open_port(
            self.ip, self._wanted_port, purpose="the file server", option="port"
        )
        for sock in self._sockets:
            sock.listen(self._backlog)  # a second listen() changes the backlog

    def start_listening(self) -> None:
        """Serve until `close_socket` is called, from a signal handler or another thread.

        Raises:
            NotRunning: the socket was never opened.
            AlreadyRunning: another thread is in this method.
            FileNotFoundError, NotADirectoryError, PermissionError: the root is no longer there.
        """
        self._root.check()
        if self._listens:
            raise AlreadyRunning("this server listens already: call close_socket() first")
        service = _service(self._root, self._max_connections)
        self._listens = True
        sockets, self._sockets = self._sockets, ()
        try:
            if sockets:
                _warn_if_sigint_is_ignored()
                trio.run(self._serve, service, sockets)
            elif not self._is_closing:
                raise NotRunning("this server has no socket: call open_socket() first")
        finally:
            # Within a trio loop trio.run fails at once and leaves the sockets open.
            for sock in sockets:
                sock.close()
            self._listens = False

    def close_socket(self) -> None:
        """Accept no more connections, and let `start_listening` return after the requests in flight."""
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
                if not self._is_closing:  # close_socket() may have come before `_wake` was set
                    await closing.wait()
                await running.drain(self._drain_timeout)
        finally:
            self._wake = None


def _warn_if_sigint_is_ignored() -> None:
    """Say how to end the server, if a shell has made a background job ignore Ctrl-C (POSIX sh, 2.11)."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        logger.warning(
            "this background job ignores SIGINT: end it by SIGTERM (kill %d), or call close_socket()",
            os.getpid(),
        )


def _checked(root: str | os.PathLike[str]) -> Root:
    """Take a directory as the root, and say in words why it can't be one.

    Raises:
        NotADirectoryError, FileNotFoundError, PermissionError: it can't be opened as a directory.
    """
    served = Root(root)
    try:
        served.check()
    except OSError as error:
        problem = f"{error.strerror}; give root= a directory that may be read"
        raise OSError(error.errno, problem, os.fspath(root)) from None
    return served


def _service(root: Root, max_connections: int) -> Service:
    router = FileRouter(FileTree(root=root, listing=True))
    limits = ServerLimits(connections=max_connections, connections_wait=True)
    if max_connections == 1:  # a client that kept its connection would block all others
        limits = replace(limits, requests=1)
    return Service(router, limits=limits, text_errors=True)
