"""Resetting a connection: the peer sees RST, whatever the connection is wrapped in."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from netsplode import (
    ConnectionNotFound,
    NetsplodeError,
    ResetTimeout,
    UnsupportedConnection,
    reset_connection,
)

SAFETY_NET = 20.0  # seconds; nothing here waits that long unless it fails

needs_ipv6 = pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")


def connect(host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
    """The two ends of a TCP connection."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        peer = socket.create_connection(listener.getsockname()[:2], timeout=SAFETY_NET)
        ours, _ = listener.accept()
    ours.settimeout(SAFETY_NET)
    return ours, peer


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, peer = connect()
    with ours, peer:
        yield ours, peer


Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    """A server's and a client's, with a certificate made for the occasion."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is needed to make a certificate")
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(key), "-out", str(certificate)]
    name = ["-addext", "subjectAltName=DNS:localhost"]
    made = subprocess.run(
        [openssl, *command.split(), *name, *files], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"openssl made no certificate: {made.stderr.decode()[-200:]}")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


def read_all(peer: socket.socket) -> None:
    while peer.recv(4096):
        pass


def assert_reset(peer: socket.socket) -> None:
    with pytest.raises(ConnectionResetError):
        read_all(peer)


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_the_peer_of_a_socket_sees_a_reset(host: str) -> None:
    try:
        ours, peer = connect(host)
    except OSError as error:
        pytest.skip(f"no loopback at {host}: {error}")
    with ours, peer:
        addresses = ours.getsockname()[:2], ours.getpeername()[:2]
        result = reset_connection(ours)
        assert_reset(peer)
        assert result.is_confirmed
        assert (result.local, result.remote) == addresses


def test_octets_that_were_never_read_do_not_soften_it(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, peer = ends
    peer.sendall(b"unread")
    ours.sendall(b"read, or lost")
    reset_connection(ours)
    assert_reset(peer)


def test_a_connection_that_is_half_closed_can_be_reset(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, peer = ends
    peer.shutdown(socket.SHUT_WR)
    assert ours.recv(1) == b""
    reset_connection(ours)
    assert_reset(peer)


def test_a_connection_whose_peer_has_reset_it_is_not_there_any_more(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, peer = ends
    reset_connection(peer)
    with pytest.raises(ConnectionNotFound, match="none any more"):
        reset_connection(ours)


def test_its_own_holder_sees_a_reset_too_and_keeps_the_descriptor(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = ends
    reset_connection(ours)
    assert ours.fileno() >= 0
    with pytest.raises(ConnectionResetError):
        ours.recv(1)
    assert ours.recv(1) == b""


def test_a_duplicate_is_reset_with_it(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = ends
    with ours.dup():
        assert reset_connection(ours).is_confirmed
        assert_reset(peer)


def test_a_descriptor_shared_with_a_child_is_reset_with_it(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, peer = ends
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[ours.fileno()]):
        assert reset_connection(ours).is_confirmed
        assert_reset(peer)


def test_a_bare_descriptor_is_reset(ends: tuple[socket.socket, socket.socket]) -> None:
    reset_connection(ends[0].fileno())
    assert_reset(ends[1])


def test_a_thread_that_waits_for_octets_is_woken(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, peer = ends
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(ours.recv, 1)
        reset_connection(ours)
        assert isinstance(waiting.exception(SAFETY_NET), ConnectionResetError | BrokenPipeError)
    assert_reset(peer)


def test_closing_works_while_a_file_of_the_socket_is_open(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, peer = ends
    with ours.makefile("rb"):
        result = reset_connection(ours, technique="close")
        assert_reset(peer)
    assert (result.technique, result.ends["local"]) == ("close", "closed")
    assert ours.fileno() == -1


def test_closing_leaves_a_duplicate_open_and_says_so(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, peer = ends
    duplicate = ours.dup()
    with pytest.raises(ResetTimeout) as raised:
        reset_connection(ours, technique="close", timeout=0.01)
    assert raised.value.result is not None
    assert raised.value.result.ends["remote"] == "unconfirmed"
    duplicate.close()
    assert_reset(peer)


def test_the_peer_of_an_ssl_socket_sees_a_reset(
    ends: tuple[socket.socket, socket.socket], contexts: Contexts
) -> None:
    server, client = contexts
    with ThreadPoolExecutor(1) as thread:
        wrapping = thread.submit(client.wrap_socket, ends[1], server_hostname="localhost")
        ours = server.wrap_socket(ends[0], server_side=True)
        peer = wrapping.result(SAFETY_NET)
    with ours, peer:
        ours.sendall(b"hello")
        assert peer.recv(5) == b"hello"
        assert reset_connection(ours).is_confirmed
        # Below TLS, because some versions of the ssl module tell a reset as the end of the octets.
        with socket.socket(fileno=peer.detach()) as below:
            assert_reset(below)


def trio_socket(sock: socket.socket) -> trio.socket.SocketType:
    sock.setblocking(False)
    return trio.socket.from_stdlib_socket(sock)


async def test_the_peer_of_a_trio_socket_sees_a_reset(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours = trio_socket(ends[0].dup())
    ends[0].close()
    reset_connection(ours)
    assert_reset(ends[1])
    ours.close()


async def test_the_peer_of_a_socket_stream_sees_a_reset(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours = trio.SocketStream(trio_socket(ends[0]))
    await ours.send_all(b"hello")
    reset_connection(ours)
    assert_reset(ends[1])
    with pytest.raises(trio.BrokenResourceError):
        await ours.receive_some()
    await trio.aclose_forcefully(ours)


async def test_closing_a_socket_stream_tells_trio(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours = trio.SocketStream(trio_socket(ends[0]))
    reset_connection(ours, technique="close")
    assert_reset(ends[1])
    with pytest.raises(trio.ClosedResourceError):
        await ours.send_all(b"more")


async def test_a_task_that_waits_for_octets_is_told(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours = trio.SocketStream(trio_socket(ends[0]))

    async def wait() -> None:
        with pytest.raises(trio.BrokenResourceError) as raised:
            await ours.receive_some()
        assert isinstance(raised.value.__cause__, ConnectionResetError)

    with trio.fail_after(SAFETY_NET):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            reset_connection(ours)
    assert_reset(ends[1])


async def read_all_of_stream(peer: trio.abc.ReceiveStream) -> None:
    while await peer.receive_some():
        pass


async def test_the_peer_of_an_ssl_stream_sees_a_reset(
    ends: tuple[socket.socket, socket.socket], contexts: Contexts
) -> None:
    server, client = contexts
    transport = trio.SocketStream(trio_socket(ends[0]))
    ours = trio.SSLStream(transport, server, server_side=True)
    far = trio.SocketStream(trio_socket(ends[1]))
    peer = trio.SSLStream(far, client, server_hostname="localhost")
    with trio.fail_after(SAFETY_NET):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.do_handshake)
            await ours.do_handshake()
        reset_connection(ours)
        with pytest.raises(trio.BrokenResourceError) as raised:
            await read_all_of_stream(peer)
    causes = []
    cause: BaseException | None = raised.value
    while cause is not None:
        causes.append(type(cause))
        cause = cause.__cause__
    assert ConnectionResetError in causes


async def test_tls_within_tls_is_reset_at_the_bottom(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    context = ssl.create_default_context()
    transport = trio.SocketStream(trio_socket(ends[0]))
    inner = trio.SSLStream(transport, context, server_hostname="inner.test")
    reset_connection(trio.SSLStream(inner, context, server_hostname="outer.test"))
    assert_reset(ends[1])
    await trio.aclose_forcefully(transport)


def closed() -> socket.socket:
    sock = socket.socket()
    sock.close()
    return sock


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def unix() -> socket.socket:
    return socket.socket(socket.AF_UNIX)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(closed, "the socket is closed already", id="closed"),
        pytest.param(listening, "reset one of its accepted connections", id="listening"),
        pytest.param(udp, "only TCP has a reset", id="udp"),
        pytest.param(
            unix,
            "only TCP has a reset",
            id="unix",
            marks=pytest.mark.skipif(
                not hasattr(socket, "AF_UNIX"), reason="this platform has no unix sockets"
            ),
        ),
    ],
)
def test_a_socket_that_cannot_be_reset_says_why_and_stays(
    make: Callable[[], socket.socket], message: str
) -> None:
    with closing(make()) as sock:
        before = sock.fileno()
        with pytest.raises(UnsupportedConnection, match=message):
            reset_connection(sock)
        assert sock.fileno() == before


@pytest.mark.parametrize(
    ("target", "named"),
    [
        (object(), "builtins.object"),
        (None, "NoneType"),
        (True, "builtins.bool"),
        (socket.socket, "builtins.type"),
        (Path(), "Path"),
    ],
)
def test_what_holds_no_connection_is_named_and_told_what_to_give(
    target: object, named: str
) -> None:
    with pytest.raises(UnsupportedConnection) as raised:
        reset_connection(target)
    message = str(raised.value)
    assert named in message
    for offered in ("socket.socket", "ssl.SSLSocket", "trio.SocketStream", "trio.SSLStream"):
        assert offered in message
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, NetsplodeError)


async def test_a_trio_listener_and_a_memory_stream_hold_no_connection() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    stream, _ = trio.testing.memory_stream_pair()
    async with listeners[0]:
        with pytest.raises(UnsupportedConnection, match="SocketListener"):
            reset_connection(listeners[0])
        with pytest.raises(UnsupportedConnection, match="reset one of its accepted"):
            reset_connection(listeners[0].socket)
    with pytest.raises(UnsupportedConnection, match="closed already"):
        reset_connection(listeners[0].socket)
    with pytest.raises(UnsupportedConnection, match="holds no TCP connection"):
        reset_connection(stream)


PLAIN = """
import socket, sys, netsplode
with socket.create_server(("127.0.0.1", 0)) as listener:
    peer = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
netsplode.reset_connection(ours)
ours.close()
try:
    peer.recv(1)
except ConnectionResetError:
    print("reset", sorted({"trio", "scapy", "hamms_trio", "asyncio"} & set(sys.modules)))
peer.close()
"""


def test_resetting_a_plain_socket_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAIN],
        capture_output=True,
        text=True,
        check=False,
        timeout=SAFETY_NET,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout, done.stderr) == ("reset []\n", "")
