"""Resets of sockets that their holder has used in many ways before, and the errors that each end gets."""

from __future__ import annotations

import errno
import os
import select
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from netsplode import (
    ConnectionNotFound,
    ResetTimeout,
    UnsupportedConnection,
    find_connections,
    reset_connection,
)
from netsplode.kernel import tcp
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    Sight,
    assert_reset,
    connected,
    handshaken,
    on_linux,
    receive_in_thread,
    sight_of,
    stands,
    still_connecting,
)

pytestmark = on_linux

# Each takes our socket, its peer and a stack of objects to close in the end. If the target is another object than
# our socket, the function returns it.
Situation = Callable[[socket.socket, socket.socket, ExitStack], object]


def idle(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    pass


def with_unread_octets(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    peer.sendall(b"unread")


def with_octets_for_the_peer(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    ours.sendall(b"read before the reset is seen")


def shut_for_reading(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    ours.shutdown(socket.SHUT_RD)


def shut_for_writing(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    ours.shutdown(socket.SHUT_WR)


def shut_for_both(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    ours.shutdown(socket.SHUT_RDWR)


def finished_by_the_peer(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    peer.shutdown(socket.SHUT_WR)


def finished_by_both(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    peer.shutdown(socket.SHUT_WR)
    ours.shutdown(socket.SHUT_WR)


def duplicated(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    held.enter_context(ours.dup())


def shared_with_a_child(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[ours.fileno()])
    held.enter_context(child)  # it reads until its input is closed


def with_a_file_made_of_it(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    held.enter_context(ours.makefile("rb"))


def registered_with_epoll(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    held.enter_context(select.epoll()).register(ours, select.EPOLLIN)


def received_from_by_a_thread(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    ours.settimeout(None)
    receive_in_thread(ours, held, lambda: release(peer))


def polled_by_a_thread(ours: socket.socket, peer: socket.socket, held: ExitStack) -> None:
    receive_in_thread(ours, held, lambda: release(peer))


def with_tls(ours: socket.socket, peer: socket.socket, held: ExitStack) -> socket.socket:
    return handshaken(ours, peer, held)[0]


def with_tls_said_goodbye(
    ours: socket.socket, peer: socket.socket, held: ExitStack
) -> socket.socket:
    with_tls, peer_with_tls = handshaken(ours, peer, held)
    with ThreadPoolExecutor(1) as thread:
        end = thread.submit(peer_with_tls.recv, 1)
        answer = thread.submit(peer_with_tls.unwrap)
        with_tls.unwrap()
        assert end.result(SAFETY_NET) == b""  # above TLS, the peer sees nothing else
        answer.result(SAFETY_NET)
    return with_tls


def release(peer: socket.socket) -> None:
    with suppress(OSError):
        peer.sendall(b"go on")


TECHNIQUES = ("abort", "close", "rst", "destroy")
PRIVILEGED = TECHNIQUES[2:]
GONE = None  # the connection is over, and the call raises ConnectionNotFound
RESET, END, NOTHING = Sight.RESET, Sight.END, Sight.NOTHING
TABLE: list[tuple[Situation, Sight | None, Sight | None, Sight | None, Sight | None]] = [
    # state of our socket              abort  close    rst    destroy
    (idle,                             RESET, RESET,   RESET, RESET),
    (with_unread_octets,               RESET, RESET,   RESET, RESET),
    (with_octets_for_the_peer,         RESET, RESET,   RESET, RESET),
    (shut_for_reading,                 RESET, RESET,   RESET, RESET),
    (shut_for_writing,                 END,   END,     END,   END),
    (shut_for_both,                    END,   END,     END,   END),
    (finished_by_the_peer,             RESET, RESET,   RESET, RESET),
    (finished_by_both,                 GONE,  GONE,    GONE,  GONE),
    (duplicated,                       RESET, NOTHING, RESET, RESET),
    (shared_with_a_child,              RESET, NOTHING, RESET, RESET),
    (with_a_file_made_of_it,           RESET, RESET,   RESET, RESET),
    (registered_with_epoll,            RESET, RESET,   RESET, RESET),
    (received_from_by_a_thread,        RESET, NOTHING, RESET, RESET),
    (polled_by_a_thread,               RESET, NOTHING, RESET, RESET),
    (with_tls,                         RESET, RESET,   RESET, RESET),
    (with_tls_said_goodbye,            RESET, RESET,   RESET, RESET),
]  # fmt: skip


@pytest.mark.parametrize(
    ("situation", "technique", "seen"),
    [
        pytest.param(
            situation,
            technique,
            seen,
            id=f"{situation.__name__}-{technique}",
            marks=pytest.mark.privileged if technique in PRIVILEGED else (),
        )
        for situation, *row in TABLE
        for technique, seen in zip(TECHNIQUES, row, strict=True)
    ],
)
def test_the_peer_sees_the_reset(
    situation: Situation, technique: str, seen: Sight | None, request: pytest.FixtureRequest
) -> None:
    if technique in PRIVILEGED:
        request.getfixturevalue("private_network")
    with connected() as (ours, peer, _):
        with ExitStack() as held:
            target = situation(ours, peer, held)
            if target is None:
                target = ours
            if seen is GONE:
                with pytest.raises(ConnectionNotFound, match="not any more"):
                    reset_connection(target, technique=technique)
            elif seen is NOTHING:
                with pytest.raises(ResetTimeout, match="still stands") as raised:
                    reset_connection(target, technique=technique, timeout=0.01)
                assert raised.value.result is not None
                assert raised.value.result.ends["remote"] == "unconfirmed"
                assert stands(peer)
            else:
                assert reset_connection(target, technique=technique).is_confirmed
                assert sight_of(peer) is seen
        if seen is NOTHING:
            assert_reset(peer)  # now that the last descriptor is closed


HOSTS = ["127.0.0.1", "::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("technique", ["abort", "close"])
@pytest.mark.parametrize("host", HOSTS)
def test_the_result_has_both_addresses_over_ipv4_and_ipv6(host: str, technique: str) -> None:
    with connected(host) as (ours, peer, _):
        plain = host.removeprefix("::ffff:")
        addresses = (plain, ours.getsockname()[1]), (plain, ours.getpeername()[1])
        result = reset_connection(ours, technique=technique)
        assert (result.local, result.remote) == addresses
        assert_reset(peer)


@pytest.mark.parametrize("technique", ["abort", "close"])
def test_a_bare_descriptor_is_reset(ends: Ends, technique: str) -> None:
    descriptor = os.dup(ends.client.fileno())
    ends.client.close()
    assert reset_connection(descriptor, technique=technique).is_confirmed
    assert_reset(ends.server)
    if technique == "close":
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            os.close(descriptor)
    else:
        os.close(descriptor)


def test_the_peer_reads_octets_that_arrived_before_the_reset(ends: Ends) -> None:
    ends.client.sendall(b"last words")
    reset_connection(ends.client)
    assert ends.server.recv(64) == b"last words"
    assert_reset(ends.server)


@pytest.mark.parametrize("technique", ["abort", "close"])
def test_a_connecting_socket_is_reset(technique: str) -> None:
    with still_connecting() as (connecting, full):
        local = connecting.getsockname()
        (found,) = find_connections(local, full, state="syn-sent")
        result = reset_connection(connecting, technique=technique, verify=False)
        assert (result.local, result.remote) == (found.local, found.remote) == (local, full)
        assert not find_connections(local, full, state=None)
        if technique == "abort":
            error = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert error == errno.ECONNRESET


def segments_received() -> int:
    """Count the TCP segments that this network namespace has received."""
    names, counts = (
        line.split()
        for line in Path("/proc/thread-self/net/snmp").read_text().splitlines()
        if line.startswith("Tcp:")
    )
    return int(counts[names.index("InSegs")])


@pytest.mark.privileged
@pytest.mark.usefixtures("private_network")
def test_the_reset_of_a_connecting_socket_sends_no_probe() -> None:
    with still_connecting() as (connecting, _):
        before = segments_received()
        reset_connection(connecting, timeout=0.1)
        assert segments_received() - before <= 1  # the SYN may be sent again


def test_mptcp_is_aborted_here_and_reset_at_the_peer() -> None:
    try:
        listener = socket.socket(proto=tcp.IPPROTO_MPTCP)
    except OSError as error:
        pytest.skip(f"this kernel has no MPTCP: {error}")
    with listener, socket.socket(proto=tcp.IPPROTO_MPTCP) as ours:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours.connect(listener.getsockname())
        with listener.accept()[0] as peer:
            peer.settimeout(SAFETY_NET)
            assert reset_connection(ours).ends == {"local": "aborted", "remote": "reset"}
            assert_reset(peer)


def test_an_unconnected_socket_is_not_found() -> None:
    with socket.socket() as sock:
        with pytest.raises(ConnectionNotFound, match="is not connected"):
            reset_connection(sock)
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionNotFound, match="is not connected"):
            reset_connection(sock)


def test_a_connection_that_the_peer_reset_is_not_found(ends: Ends) -> None:
    reset_connection(ends.server)
    with pytest.raises(ConnectionNotFound, match="not any more"):
        reset_connection(ends.client)


def test_an_abort_looks_like_a_reset_by_the_peer(ends: Ends) -> None:
    with connected() as other:
        reset_connection(other.server)
        reset_connection(ends.client)
        for ours in (other.client, ends.client):
            assert polled(ours) == select.POLLIN | select.POLLOUT | select.POLLERR | select.POLLHUP
            with pytest.raises(ConnectionResetError):
                ours.recv(1)
            assert ours.recv(1) == b""
            with pytest.raises(BrokenPipeError):
                ours.send(b"x")


def polled(sock: socket.socket) -> int:
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)
    ((_, events),) = poll.poll(0)
    return events


def test_close_closes_the_socket_object_too(ends: Ends) -> None:
    with ends.client.makefile("rb"):
        result = reset_connection(ends.client, technique="close")
        assert (result.technique, result.ends) == ("close", {"local": "closed", "remote": "reset"})
        assert ends.client.fileno() == -1
        with pytest.raises(UnsupportedConnection, match="closed already"):
            reset_connection(ends.client)


WOKEN_WITH: dict[tuple[str, bool], tuple[type[OSError], ...]] = {
    # technique, and True if the socket has a timeout
    ("abort", True): (ConnectionResetError,),
    # EPIPE since about Linux 6.5, which stops waiting before it looks at the socket's error.
    ("abort", False): (BrokenPipeError, ConnectionResetError),
    ("rst", True): (ConnectionResetError,),
    ("rst", False): (ConnectionResetError,),
    ("destroy", True): (ConnectionAbortedError,),
    ("destroy", False): (ConnectionAbortedError,),
}


@pytest.mark.parametrize(("technique", "has_timeout"), list(WOKEN_WITH))
def test_a_reset_wakes_a_thread_in_recv(
    technique: str, has_timeout: bool, request: pytest.FixtureRequest
) -> None:
    if technique in PRIVILEGED:
        request.getfixturevalue("private_network")
    with connected() as (ours, peer, _), ExitStack() as held:
        ours.settimeout(SAFETY_NET if has_timeout else None)
        waiting = receive_in_thread(ours, held, lambda: release(peer))
        reset_connection(ours, technique=technique)
        assert isinstance(waiting.exception(SAFETY_NET), WOKEN_WITH[technique, has_timeout])


@pytest.mark.parametrize("technique", ["abort", "close"])
def test_epoll_reports_an_abort_and_forgets_a_closed_socket(ends: Ends, technique: str) -> None:
    with select.epoll() as epoll:
        epoll.register(ends.client, select.EPOLLIN)
        reset_connection(ends.client, technique=technique)
        events = epoll.poll(0)
    if technique == "abort":
        assert [flags & select.EPOLLERR for _, flags in events] == [select.EPOLLERR]
    else:
        assert events == []
