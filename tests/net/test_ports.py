"""Socket options that accepted sockets inherit from the listening socket."""

from __future__ import annotations

import socket
from contextlib import closing, suppress

import pytest

from hamms_trio.net.listening.ports import LARGE_BODY_SEND_BUFFER, open_port

TCP_CONGESTION = getattr(socket, "TCP_CONGESTION", None)

knows_congestion = pytest.mark.skipif(
    TCP_CONGESTION is None, reason="this platform has no TCP_CONGESTION"
)


def congestion_control(sock: socket.socket) -> bytes:
    assert TCP_CONGESTION is not None
    return sock.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, 16).rstrip(b"\0")


@knows_congestion
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_loopback_connections_use_reno_without_pacing(host: str) -> None:
    port, (listening,) = open_port(host, 0, purpose="a test", option="--port")
    with closing(listening), socket.create_connection((host, port)):
        listening.setblocking(True)
        accepted, _ = listening.accept()
        with closing(accepted):
            assert congestion_control(accepted) == b"reno"


@knows_congestion
def test_other_connections_keep_the_system_s_congestion_control() -> None:
    _, (listening,) = open_port("0.0.0.0", 0, purpose="a test", option="--port")
    with closing(listening), socket.socket() as usual:
        assert congestion_control(listening) == congestion_control(usual)


def test_the_send_buffer_for_a_client_that_never_reads_is_bounded() -> None:
    port, (listening,) = open_port(
        "127.0.0.1", 0, purpose="a test", option="--port", send_buffer=LARGE_BODY_SEND_BUFFER
    )
    with closing(listening), socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        listening.setblocking(True)
        accepted, _ = listening.accept()
        with closing(accepted):
            accepted.setblocking(False)
            sent = 0
            with suppress(BlockingIOError):
                while True:
                    sent += accepted.send(bytes(64 * 1024))
    assert 0 < sent <= 4 * LARGE_BODY_SEND_BUFFER
