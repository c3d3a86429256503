"""What resets are tested with: connections, what their ends see, and far ends in threads of their own."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from netsplode.kernel import tcp
from netsplode.kernel.tcp import State

SAFETY_NET = 20.0  # seconds; nothing here waits that long unless it fails
ROOT = Path(__file__).parents[2]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="this needs Linux's sock_diag")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may do this"
)


class Ends(NamedTuple):
    """A connection on this host. Who only needs two ends takes the client's for ours."""

    client: socket.socket
    server: socket.socket
    listener: socket.socket


@contextmanager
def connected(host: str = "127.0.0.1", family: int | None = None) -> Iterator[Ends]:
    """Both ends of a connection, and the listener that accepted it."""
    if family is None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        try:
            listener.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no loopback at {host}: {error}")
        listener.listen()
        client = stack.enter_context(socket.socket(family))
        client.settimeout(SAFETY_NET)
        client.connect(listener.getsockname()[:2])
        server = stack.enter_context(listener.accept()[0])
        server.settimeout(SAFETY_NET)
        yield Ends(client, server, listener)


@contextmanager
def still_connecting() -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    """A socket in SYN-SENT, and whither: a server that takes no more connections."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as connecting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())  # now its queue of one is full
        connecting.setblocking(False)
        assert connecting.connect_ex(listener.getsockname()) == errno.EINPROGRESS
        yield connecting, listener.getsockname()


class Sight(Enum):
    """What the peer of a connection sees of its end."""

    RESET = "ECONNRESET, after what had come before"
    END = "the end of the octets, then EPIPE"
    FINISHED = "the end of the octets, and it may still send"
    NOTHING = "nothing: the connection stands"


def read_all(sock: socket.socket) -> None:
    while sock.recv(4096):
        pass


def sight_of(peer: socket.socket) -> Sight:
    """Wait for the connection's end and tell how it came."""
    try:
        read_all(peer)
    except ConnectionResetError:
        return Sight.RESET
    try:
        peer.sendall(b"anybody there?")
    except BrokenPipeError:
        return Sight.END
    return Sight.FINISHED


def stands(sock: socket.socket) -> bool:
    """Whether nothing has ended this connection yet, nor half of it."""
    return tcp.state(sock) == State.ESTABLISHED


def assert_reset(peer: socket.socket) -> None:
    with pytest.raises(ConnectionResetError):
        read_all(peer)


def assert_open(ends: Ends) -> None:
    ends.client.sendall(b"x")
    assert ends.server.recv(1) == b"x"


def assert_listens(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()[:2], timeout=SAFETY_NET):
        listener.accept()[0].close()


class Secrets(NamedTuple):
    """A certificate made for the occasion: whoever serves with it, and whoever trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    authority: trustme.CA


@cache
def secrets() -> Secrets:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Secrets(server, client, authority)


def handshaken(
    ours: socket.socket, peer: socket.socket, stack: ExitStack
) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """Both ends with TLS over them; ``peer`` itself stays usable below its TLS."""
    with ThreadPoolExecutor(1) as thread:
        wrapping = thread.submit(secrets().server.wrap_socket, peer.dup(), server_side=True)
        wrapped = secrets().client.wrap_socket(ours, server_hostname="localhost")
        far = wrapping.result(SAFETY_NET)
    stack.enter_context(wrapped)
    stack.enter_context(far)
    far.settimeout(SAFETY_NET)
    far.sendall(b"hello")  # with it comes what TLS 1.3 sends after the handshake
    assert wrapped.recv(5) == b"hello"
    return wrapped, far


Greeting = Callable[[socket.socket], None]


def say_hello(sock: socket.socket) -> None:
    """What tells a client that the server's side of the handshake is done too."""
    sock.sendall(b"hello")


class FarEnd(NamedTuple):
    """A server of one connection: where it is, and what it has seen of that connection's end."""

    address: tuple[str, int]
    seen: Future[Sight]


@contextmanager
def far_end(greet: Greeting = say_hello, *, tls: bool = False) -> Iterator[FarEnd]:
    """A server that greets whoever comes and then only reads. It looks for the reset below TLS.

    (Some versions of the ssl module tell a reset as the end of the octets.)
    """

    def serve() -> Sight:
        sock = listener.accept()[0]
        sock.settimeout(SAFETY_NET)
        if tls:
            sock = secrets().server.wrap_socket(sock, server_side=True)
        with sock, suppress(ConnectionResetError):  # a client may not have waited for the greeting
            greet(sock)
            with socket.socket(fileno=sock.detach()) as below:
                below.settimeout(SAFETY_NET)
                return sight_of(below)
        return Sight.RESET

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as thread:
        listener.settimeout(SAFETY_NET)
        yield FarEnd(listener.getsockname(), thread.submit(serve))


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


def begin_a_response(sock: socket.socket) -> None:
    """Answer a request with half of the body that its head announces."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += sock.recv(4096)
    sock.sendall(_HEAD + b"half ")


def url_of(far: FarEnd, tls: bool = False) -> str:
    return f"{'https' if tls else 'http'}://localhost:{far.address[1]}/"


_CHILD = """
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.settimeout(20)
print("connected", flush=True)
try:
    sock.recv(1)
    print("end")
except OSError as error:
    print(type(error).__name__)
"""


@contextmanager
def connected_child(listener: socket.socket) -> Iterator[tuple[socket.socket, Callable[[], str]]]:
    """Our end of a connection that another process has opened, and what that one tells of its end."""
    command = [sys.executable, "-c", _CHILD, str(listener.getsockname()[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        with listener.accept()[0] as server:
            server.settimeout(SAFETY_NET)
            assert child.stdout is not None
            assert child.stdout.readline() == "connected\n"  # and not in the middle of it
            yield server, lambda: child.communicate(timeout=SAFETY_NET)[0].strip()


def receive_in_thread(
    sock: socket.socket, stack: ExitStack, release: Callable[[], object]
) -> Future[bytes]:
    """A thread that sits in ``sock.recv``; ``release`` is called before the end, so that it gets out."""
    executor = stack.enter_context(ThreadPoolExecutor(1))
    stack.callback(release)
    thread = executor.submit(threading.get_native_id).result(SAFETY_NET)
    waiting = executor.submit(sock.recv, 1)
    while not waiting.done() and not _is_in_receive(thread, sock):
        pass
    return waiting


def _is_in_receive(thread: int, sock: socket.socket) -> bool:
    """Whether a thread is in recvfrom(2), or in the poll(2) that Python does for sockets with a timeout."""
    called = Path(f"/proc/self/task/{thread}/syscall").read_text().split()
    if len(called) < 4:  # "running"
        return False
    first, second, third = (int(word, 16) for word in called[1:4])
    timeout = sock.gettimeout()
    if timeout is None:
        return first == sock.fileno()
    return second == 1 and third == round(timeout * 1000)
