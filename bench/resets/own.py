"""Sockets of our own, held in every way that a program may hold one."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import netsplode
from bench.errors import Unmeasurable
from bench.resets.forked import Side, forked
from bench.trials import Try
from hamms_trio.certificates import server_context
from hamms_trio.pki.folder import throwaway_certificates

PATIENCE_SECONDS = 2.0

Address = tuple[str, int]
Opening = Callable[[Address], AbstractContextManager[socket.socket]]


class Witness:
    """The peer: a process that reads until its connection ends, and reports how and when it ended."""

    def __init__(self, address: Address, reports: Side) -> None:
        self.address = address
        self._reports = reports

    def wait_reading(self) -> None:
        assert self._reports.recv() == "reading"

    def took(self, began: float) -> Try:
        """Return the milliseconds until the peer saw ECONNRESET; None if it saw anything else."""
        saw, at = self._reports.recv()
        return 1000 * (at - began) if saw == "ConnectionResetError" else None


def own(*, how: str, tries: int) -> list[Try]:
    """Reset connections one after the other, and measure the milliseconds until the peer saw ECONNRESET.

    The first reset does not count, because it imports the rest of netsplode.

    Args:
        how: the kind of object that holds each connection.
        tries: how many connections to reset.
    """
    return _own(how, tries + 1)[1:]


def _own(how: str, tries: int) -> list[Try]:
    if how == "TLS":
        with (
            throwaway_certificates() as made,
            _witness(server_context(made.certificate, made.key)) as witness,
        ):
            trusting = ssl.create_default_context(cafile=made.authority)
            return _in_blocking_code(_opened_with_tls(trusting), witness, tries)
    with _witness() as witness:
        if how in OPENINGS:
            return _in_blocking_code(OPENINGS[how], witness, tries)
        return IN_LOOPS[how](witness, tries)


def _in_blocking_code(opening: Opening, witness: Witness, tries: int) -> list[Try]:
    took = []
    for _ in range(tries):
        with opening(witness.address) as sock:
            witness.wait_reading()
            began = time.monotonic()
            netsplode.reset_connection(sock)
            took.append(witness.took(began))
    return took


@contextmanager
def _plain(address: Address) -> Iterator[socket.socket]:
    with socket.create_connection(address) as sock:
        yield sock


@contextmanager
def _duplicated(address: Address) -> Iterator[socket.socket]:
    with _plain(address) as sock, sock.dup():
        yield sock


@contextmanager
def _shared_by_fork(address: Address) -> Iterator[socket.socket]:
    """Open a socket that a child holds too, until the end."""
    with _plain(address) as sock:
        end, hold = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(hold)
            os.read(end, 1)
            os._exit(0)
        os.close(end)
        try:
            yield sock
        finally:
            os.close(hold)
            os.waitpid(child, 0)


def _opened_with_tls(context: ssl.SSLContext) -> Opening:
    @contextmanager
    def opened(address: Address) -> Iterator[socket.socket]:
        with (
            _plain(address) as sock,
            context.wrap_socket(sock, server_hostname="localhost") as wrapped,
        ):
            yield wrapped

    return opened


OPENINGS: dict[str, Opening] = {
    "plain": _plain,
    "dup'ed": _duplicated,
    "shared by fork": _shared_by_fork,
}


def _in_asyncio(witness: Witness, tries: int) -> list[Try]:
    return asyncio.run(_play_in_asyncio(witness, tries))


def _in_uvloop(witness: Witness, tries: int) -> list[Try]:
    try:
        import uvloop
    except ImportError as error:
        raise Unmeasurable(str(error)) from error
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_play_in_asyncio(witness, tries))


async def _play_in_asyncio(witness: Witness, tries: int) -> list[Try]:
    import netsplode.aio

    took = []
    for _ in range(tries):
        _, writer = await asyncio.open_connection(*witness.address)
        witness.wait_reading()
        began = time.monotonic()
        await netsplode.aio.reset_connection(writer)
        took.append(witness.took(began))
        writer.transport.abort()
    return took


def _in_trio(witness: Witness, tries: int) -> list[Try]:
    import trio

    import netsplode.trio

    async def play() -> list[Try]:
        took = []
        for _ in range(tries):
            async with await trio.open_tcp_stream(*witness.address) as stream:
                witness.wait_reading()
                began = time.monotonic()
                await netsplode.trio.reset_connection(stream)
                took.append(witness.took(began))
        return took

    return trio.run(play)


IN_LOOPS: dict[str, Callable[[Witness, int], list[Try]]] = {
    "asyncio": _in_asyncio,
    "uvloop": _in_uvloop,
    "trio": _in_trio,
}


@contextmanager
def _witness(context: ssl.SSLContext | None = None) -> Iterator[Witness]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        forked(_bear_witness, listener, context) as reports,
    ):
        yield Witness(listener.getsockname(), reports)


def _bear_witness(reports: Side, listener: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        sock, _ = listener.accept()
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True)
        with sock:
            sock.settimeout(PATIENCE_SECONDS)
            reports.send("reading")
            reports.send((_read_to_the_end(sock), time.monotonic()))


def _read_to_the_end(sock: socket.socket) -> str:
    """Read until EOF or an error of TCP itself, below TLS, and return its name."""
    receive: Any = socket.socket.recv
    try:
        while receive(sock, 65536):
            pass
    except OSError as error:
        return type(error).__name__
    return "EOF"
