"""Leaks of descriptors, threads and socket options after resets of any outcome, and many threads at once."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

import pytest
import trio

import netsplode
import netsplode.aio
import netsplode.trio
from netsplode import (
    ConnectionNotFound,
    NetsplodeError,
    UnsupportedConnection,
    create_netsploder,
    reset_connection,
)
from tests.netsplode import alone
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    assert_open,
    assert_reset,
    connected,
    on_linux,
)

pytestmark = on_linux
SocketT = TypeVar("SocketT", bound=socket.socket)
in_private_network = pytest.mark.usefixtures("private_network")


def descriptors() -> set[str]:
    """Map each open descriptor to the name of its file."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the descriptor of this listing
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return found


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    open_before, threads_before = descriptors(), set(threading.enumerate())
    yield
    assert descriptors() == open_before
    assert set(threading.enumerate()) <= threads_before  # idle threads of trio may have ended


OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_LINGER, 8),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 4),
    (socket.SOL_SOCKET, socket.SO_REUSEADDR, 4),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", 0), 4),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", 0), 4),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 4),
]


def options_of(sock: socket.socket) -> list[object]:
    return [sock.gettimeout(), *(sock.getsockopt(*option) for option in OPTIONS)]


KEPT = [
    (technique, by_address)
    for technique in ("abort", "rst", "destroy", "keepalive")
    for by_address in (False, True)
    if (technique, by_address) != ("keepalive", True)  # this takes a second
]


@pytest.mark.privileged
@in_private_network
@pytest.mark.parametrize(("technique", "by_address"), KEPT)
def test_a_reset_restores_the_socket_options(technique: str, by_address: bool) -> None:
    with connected() as ends:
        ends.client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        ends.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
        target = (ends.client,)
        pair = ends.client.getsockname(), ends.server.getsockname()
        before = options_of(ends.client), options_of(ends.server)
        with nothing_left_behind():
            reset_connection(*(pair if by_address else target), technique=technique)
        assert (options_of(ends.client), options_of(ends.server)) == before


def test_close_leaks_no_descriptor() -> None:
    with nothing_left_behind(), connected() as ends:
        reset_connection(ends.client, technique="close")


def of_a_listener(ends: Ends) -> None:
    reset_connection(ends.listener)


def of_an_unknown_connection(ends: Ends) -> None:
    reset_connection(("192.0.2.1", 1), ("192.0.2.2", 2))


def of_several(ends: Ends) -> None:
    with socket.create_connection(ends.listener.getsockname()):
        reset_connection((None, ends.listener.getsockname()[1]))


def by_closing_another_socket(ends: Ends) -> None:
    reset_connection(ends.client.getsockname(), ends.server.getsockname(), technique="close")


def with_a_remote_too_many(ends: Ends) -> None:
    reset_connection(ends.client, ends.server.getsockname())


def by_an_unknown_technique(ends: Ends) -> None:
    reset_connection(ends.client, technique="nuke")


def in_negative_time(ends: Ends) -> None:
    reset_connection(ends.client, timeout=-1.0)


def cancelled_while_it_waits(ends: Ends) -> None:
    pending = reset_connection(ends.client, blocking=False, delay=SAFETY_NET)
    pending.cancel()
    pending.result()


FAILURES = [
    (of_a_listener, netsplode.UnsupportedConnection),
    (of_an_unknown_connection, netsplode.ConnectionNotFound),
    (of_several, netsplode.AmbiguousConnection),
    (by_closing_another_socket, netsplode.TechniqueUnavailable),
    (with_a_remote_too_many, TypeError),
    (by_an_unknown_technique, ValueError),
    (in_negative_time, ValueError),
    (cancelled_while_it_waits, CancelledError),
]


@pytest.mark.parametrize(("fail", "error"), FAILURES)
def test_a_failed_reset_leaks_no_descriptor_or_thread(
    ends: Ends, fail: Callable[[Ends], None], error: type[BaseException]
) -> None:
    before = options_of(ends.client)
    with nothing_left_behind(), pytest.raises(error):
        fail(ends)
    assert options_of(ends.client) == before
    assert_open(ends)


def test_a_close_behind_a_duplicate_leaks_no_descriptor() -> None:
    with nothing_left_behind(), connected() as ends, ends.client.dup():
        with pytest.raises(netsplode.ResetTimeout):
            reset_connection(ends.client, technique="close", timeout=0.01)


def test_the_thread_of_a_pending_reset_ends(ends: Ends) -> None:
    with nothing_left_behind():
        reset_connection(ends.client, blocking=False).result(SAFETY_NET)


def test_a_netsploder_leaks_no_descriptor(ends: Ends) -> None:
    with nothing_left_behind(), create_netsploder() as netsploder:
        netsploder.reset_tcp_connections(
            include_existing=True, match=ends.listener.getsockname()[1]
        )


# An injection that lasts until its timeout, because nothing at these addresses ever answers.

SILENT = ("192.0.2.1", 1), ("192.0.2.2", 2)


def silence() -> None:
    subprocess.run(["ip", "route", "add", "192.0.2.0/24", "dev", "lo"], check=True)


async def in_asyncio() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await netsplode.aio.reset_connection(*SILENT, forwarded=True, timeout=SAFETY_NET)


async def in_trio() -> None:
    with pytest.raises(trio.TooSlowError), trio.fail_after(0.05):
        await netsplode.trio.reset_connection(*SILENT, forwarded=True, timeout=SAFETY_NET)


def cancel_everywhere() -> list[str]:
    """Cancel injections half-way, and return the descriptors that this process did not have before."""
    silence()
    pending = reset_connection(*SILENT, forwarded=True, timeout=SAFETY_NET, blocking=False)
    assert not pending.wait(0.05)
    before = descriptors()
    assert pending.cancel()
    assert descriptors() < before  # the injection had opened a descriptor
    before = descriptors()
    asyncio.run(in_asyncio())
    trio.run(in_trio)
    with pytest.raises(NetsplodeError):
        reset_connection(*SILENT, forwarded=True, timeout=0.05)
    return sorted(descriptors() - before)


@pytest.mark.privileged
def test_a_cancelled_injection_leaks_nothing() -> None:
    try:
        assert alone.call(cancel_everywhere, network=True) == []
    except alone.Refused as refused:
        pytest.skip(str(refused))


# Many threads at once.


@pytest.mark.parametrize("technique", ["abort", "close"])
def test_many_threads_reset_different_connections(technique: str) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(8) as threads:
        all_ends = [stack.enter_context(connected()) for _ in range(72)]
        reset, spared = all_ends[:64], all_ends[64:]
        local = [ends.client.getsockname() for ends in reset]
        results = list(
            threads.map(lambda ends: reset_connection(ends.client, technique=technique), reset)
        )
        assert [result.local for result in results] == local
        assert all(result.is_confirmed for result in results)
        for ends in reset:
            assert_reset(ends.server)
        for ends in spared:
            assert_open(ends)


class ClosedMeanwhile(socket.socket):
    """A socket that another thread closes between our last check and the close."""

    def detach(self) -> int:
        self.close()
        return super().detach()


class ReusedMeanwhile(socket.socket):
    """A socket that another thread closes and whose descriptor becomes ``other`` after we have read the number."""

    other: socket.socket | None = None

    def fileno(self) -> int:
        number = super().fileno()
        if self.other is not None:
            self.close()
            os.dup2(self.other.fileno(), number)
            self.other = None
        return number


def taken_over(ends: Ends, kind: type[SocketT]) -> SocketT:
    """Turn our end of a connection into a socket of this kind."""
    return kind(fileno=ends.client.detach())


def test_a_socket_that_another_thread_closes_is_not_found(ends: Ends) -> None:
    with taken_over(ends, ClosedMeanwhile) as ours:
        with pytest.raises((ConnectionNotFound, UnsupportedConnection)):
            reset_connection(ours, technique="close")


def test_a_descriptor_that_another_thread_reuses_is_spared(ends: Ends) -> None:
    with connected() as stranger, taken_over(ends, ReusedMeanwhile) as ours:
        number = ours.fileno()
        ours.other = stranger.client
        with suppress(NetsplodeError):
            reset_connection(ours)
        os.close(number)
        assert_open(stranger)


def tried(ends: Ends, technique: str) -> str:
    try:
        return reset_connection(ends.client, technique=technique).technique
    except NetsplodeError as error:
        return type(error).__name__


TOO_LATE = ("ConnectionNotFound", "UnsupportedConnection", "TechniqueUnavailable")


@pytest.mark.parametrize("technique", ["abort", "close"])
def test_many_threads_reset_one_connection_once(technique: str) -> None:
    with ThreadPoolExecutor(8) as threads, connected() as spared:
        for _ in range(20):
            with connected() as ends:
                results = list(threads.map(tried, [ends] * 8, [technique] * 8))
                assert technique in results
                assert set(results) <= {technique, *TOO_LATE}
                assert_reset(ends.server)
        assert_open(spared)


def test_a_netsploder_spares_existing_connections_while_descriptors_are_reused() -> None:
    """Close and reuse descriptors all the time; a connection from before must survive."""
    stop = threading.Event()

    def churn() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            while not stop.is_set():
                with suppress(OSError), socket.create_connection(listener.getsockname()):
                    listener.accept()[0].close()

    with ThreadPoolExecutor(4) as threads, connected() as spared:
        with create_netsploder() as netsploder:
            churning = [threads.submit(churn) for _ in range(4)]
            for _ in range(50):
                netsploder.reset_tcp_connections()
            stop.set()
            for each in churning:
                each.result(SAFETY_NET)
        assert_open(spared)
