"""Many connections open at once, and `create_netsploder` to reset them all."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import ExitStack

import netsplode
from bench.resets.forked import Side, forked
from bench.trials import Try

PATIENCE_SECONDS = 5.0


def crowd(*, connections: int, tries: int, within: bool) -> list[Try]:
    """Measure the milliseconds until the call has returned and every peer has seen ECONNRESET.

    Args:
        connections: how many connections to open.
        tries: how often to repeat this.
        within: True if the peers are in this process too, which doubles its descriptors.
    """
    return [_crowd(connections, within) for _ in range(tries)]


def _crowd(connections: int, within: bool) -> Try:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=connections) as listener,
        ExitStack() as stack,
    ):
        reports = None if within else stack.enter_context(forked(_accept, listener, connections))
        with netsplode.create_netsploder() as netsploder:
            for _ in range(connections):
                stack.enter_context(socket.create_connection(listener.getsockname()))
            peers = _accepted(listener, connections, stack) if within else []
            if reports is not None:
                assert reports.recv() == "accepted"
            began = time.monotonic()
            results = netsploder.reset_tcp_connections()
            returned = time.monotonic()
            count, at = reports.recv() if reports is not None else _count_resets(peers)
    complete = len(results) == connections == count
    return 1000 * (max(at, returned) - began) if complete else None


def _accept(reports: Side, listener: socket.socket, connections: int) -> None:
    with ExitStack() as stack:
        peers = _accepted(listener, connections, stack)
        reports.send("accepted")
        reports.send(_count_resets(peers))
        reports.recv()


def _accepted(listener: socket.socket, connections: int, stack: ExitStack) -> list[socket.socket]:
    return [stack.enter_context(listener.accept()[0]) for _ in range(connections)]


def _count_resets(peers: list[socket.socket]) -> tuple[int, float]:
    """Count the resets, and return the count with the time of the last one."""
    count = 0
    until = time.monotonic() + PATIENCE_SECONDS
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            selector.register(peer, selectors.EVENT_READ)
        while selector.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                selector.unregister(key.fileobj)
                assert isinstance(key.fileobj, socket.socket)
                try:
                    key.fileobj.recv(1)
                except ConnectionResetError:
                    count += 1
    return count, time.monotonic()
