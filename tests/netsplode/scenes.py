"""Connections for tests of resets, the errors at their ends, and servers in threads of their own."""

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

SAFETY_NET = 60.0  # seconds; only a failing test waits that long
ROOT = Path(__file__).parents[2]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="this needs Linux's sock_diag")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may do this"
)


class Ends(NamedTuple):
    """A connection on this host, and the listener that accepted it."""

    client: socket.socket
    server: socket.socket
    listener: socket.socket


@contextmanager
def connected(host: str = "127.0.0.1", family: int | None = None) -> Iterator[Ends]:
    """Open a connection to a listener on this host."""
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
    """Open a socket in SYN-SENT; yield it with the address of the server, whose backlog is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as connecting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())  # now its backlog of one is full
        connecting.setblocking(False)
        assert connecting.connect_ex(listener.getsockname()) == errno.EINPROGRESS
        yield connecting, listener.getsockname()


class Sight(Enum):
    """How a connection ended, as its peer sees it."""

    RESET = "ECONNRESET, after what had come before"
    END = "the end of the octets, then EPIPE"
    FINISHED = "the end of the octets, and it may still send"
    NOTHING = "nothing: the connection stands"


def read_all(sock: socket.socket) -> None:
    while sock.recv(4096):
        pass


def sight_of(peer: socket.socket) -> Sight:
    """Wait for the end of the connection, and return how it ended."""
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
    """Return True if neither end has closed or reset the connection."""
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
    """A throwaway certificate, in a context for the server and in one for the client that trusts it."""

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
    """Put TLS over both ends, and finish the handshake; ``peer`` itself stays usable below its TLS."""
    with ThreadPoolExecutor(1) as thread:
        wrapping = thread.submit(secrets().server.wrap_socket, peer.dup(), server_side=True)
        wrapped = secrets().client.wrap_socket(ours, server_hostname="localhost")
        far = wrapping.result(SAFETY_NET)
    stack.enter_context(wrapped)
    stack.enter_context(far)
    far.settimeout(SAFETY_NET)
    far.sendall(b"hello")  # the session tickets of TLS 1.3 arrive with it
    assert wrapped.recv(5) == b"hello"
    return wrapped, far


Greeting = Callable[[socket.socket], None]


def say_hello(sock: socket.socket) -> None:
    """Send a greeting, which shows that the server has finished the handshake too."""
    sock.sendall(b"hello")


class FarEnd(NamedTuple):
    """A server of one connection: its address, and how the connection ended."""

    address: tuple[str, int]
    seen: Future[Sight]


@contextmanager
def far_end(greet: Greeting = say_hello, *, tls: bool = False) -> Iterator[FarEnd]:
    """Run a server that greets one client and then only reads.

    The server looks for the reset below TLS, because some versions of the ssl module report a reset as EOF.
    """

    def serve() -> Sight:
        sock = listener.accept()[0]
        sock.settimeout(SAFETY_NET)
        if tls:
            sock = secrets().server.wrap_socket(sock, server_side=True)
        with sock, suppress(ConnectionResetError):  # the client may be gone before the greeting
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
    """Yield our end of a connection from a child process, and a function that returns how the child's end ended."""
    command = [sys.executable, "-c", _CHILD, str(listener.getsockname()[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        with listener.accept()[0] as server:
            server.settimeout(SAFETY_NET)
            assert child.stdout is not None
            assert child.stdout.readline() == "connected\n"  # so that the handshake is over
            yield server, lambda: child.communicate(timeout=SAFETY_NET)[0].strip()


def receive_in_thread(
    sock: socket.socket, stack: ExitStack, release: Callable[[], object]
) -> Future[bytes]:
    """Start a thread that blocks in ``sock.recv``; ``release`` must end that call when the stack is closed."""
    executor = stack.enter_context(ThreadPoolExecutor(1))
    stack.callback(release)
    thread = executor.submit(threading.get_native_id).result(SAFETY_NET)
    waiting = executor.submit(sock.recv, 1)
    while not waiting.done() and not _is_in_receive(thread, sock):
        pass
    return waiting


def _is_in_receive(thread: int, sock: socket.socket) -> bool:
    """Return True if a thread is in recvfrom(2), or in the poll(2) of a socket with a timeout."""
    called = Path(f"/proc/self/task/{thread}/syscall").read_text().split()
    if len(called) < 4:  # "running"
        return False
    first, second, third = (int(word, 16) for word in called[1:4])
    timeout = sock.gettimeout()
    if timeout is None:
        return first == sock.fileno()
    return second == 1 and third == round(timeout * 1000)
