"""The contract that every failure mode keeps, whatever it does: a client costs only its own connection."""

from __future__ import annotations

import os
import re
import socket
import ssl
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from hamms_trio.blocking import BlockingDoor, BlockingLedger, HammsServer
from hamms_trio.modes import FailureMode
from hamms_trio.net.observer import Ending
from hamms_trio.recording.ledger import Ledger

SAFETY_NET = 30.0  # seconds; a net, not a measurement
SECONDS_TO_CONNECT = 0.2  # to a port of this machine that listens
SECONDS_TO_LOOK = 0.005  # whether there is still something to read for
CANCELLED_CLIENTS = 3

CONTRACT_REQUEST = b"PUT /x?y=1 HTTP/1.1\r\nHost: hamms.test\r\nX-Id: 7\r\n\r\n"
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: ha"
BEGINNINGS = {
    "nothing": b"",
    "half a head": HALF_A_HEAD,
    "junk": bytes(range(256)) * 16,
    "a request": CONTRACT_REQUEST,
    "a request and half a head": CONTRACT_REQUEST + HALF_A_HEAD,
    "half a body": b"POST / HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 9\r\n\r\nhalf",
}


def check_declaration(mode: FailureMode) -> None:
    """Check that a mode says what it does and what a client owes, and that its defaults could be given.

    Raises:
        AssertionError: it does not.
    """
    assert mode.summary.endswith("."), f"{mode.slug}: the docstring's first line is no sentence"
    assert mode.client.source, f"{mode.slug}: the expectation has no source"
    for issue in mode.issues:
        form = r"[\w.-]+/[\w.-]+#[0-9]+"
        assert re.fullmatch(form, issue), f"{mode.slug}: {issue} is not OWNER/REPOSITORY#NUMBER"
    for parameter in mode.parameters:
        default = parameter.default
        if default is not None:
            text = str(default)
            label = parameter.domain.from_label(parameter.domain.to_label(default))
            for given in (text, label):
                said = f"{mode.slug}: a client can't give {parameter.name}={given}"
                assert parameter.parse(given) == default, said


def check_contract(server: HammsServer, name: str) -> None:
    """Let clients connect to a mode and leave, reset and be cut off at every point, and look for what stays open.

    Args:
        server: a running one, best a fast one: ``HammsServer(beginning_port=0, speed=1000)``.
        name: of the failure mode; the check opens doors of its own for it.

    Raises:
        AssertionError: a connection stays open, or the mode ends more than its own connection.
    """
    door = server.open(name)
    with door:
        if not _listens(door):
            return
        before = _open_sockets()
        visits = {}  # by the client's port
        for beginning, octets in _beginnings(door):
            for leave in (_close, _reset):
                port = _visit(door, octets, leave)
                visits[port] = f"{beginning}, then a client's {leave.__name__[1:]}"
                # A mode with a port of its own may close it, which resets the clients in the backlog.
                if door.mode.own_port:
                    _wait_closed(server, door, len(visits) + 1, visits)
        count = len(visits) + 1  # one saw whether it listens
        _wait_closed(server, door, count, visits)
        _check_ledger(server, door, count + 1)
    _check_cancelled(server, name)
    left = _open_sockets() - before
    assert not left, f"{name}: {len(left)} sockets stay open"


def _beginnings(door: BlockingDoor) -> Iterable[tuple[str, bytes]]:
    """Yield what clients send before they leave, and its description."""
    yield from BEGINNINGS.items()
    if door.url().startswith("https:"):
        hello = _client_hello()
        yield "half a ClientHello", hello[: len(hello) // 2]
        yield "a ClientHello", hello
        yield "a ClientHello and junk", hello + BEGINNINGS["junk"]


def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def _visit(door: BlockingDoor, octets: bytes, leave: Callable[[socket.socket], None]) -> int:
    """Connect, send the octets, and leave; return the port that the client had."""
    client = _connect(door)
    port: int = client.getsockname()[1]
    with suppress(OSError):  # the mode has reset it
        client.sendall(octets)
    leave(client)
    return port


def _read_until(seen: Event, client: socket.socket) -> None:
    client.settimeout(SECONDS_TO_LOOK)
    with suppress(OSError):
        while not seen.is_set():
            with suppress(TimeoutError):
                if not client.recv(64 * 1024):
                    return


def _connect(door: BlockingDoor) -> socket.socket:
    """Connect, and try again as long as the mode has its port refuse connections; one may be reset at once."""
    ends = monotonic() + SAFETY_NET
    while True:
        client = socket.socket()
        client.settimeout(SAFETY_NET)
        try:
            client.connect(door.address)
        except ConnectionRefusedError:
            client.close()
            if monotonic() >= ends:
                raise
        except ConnectionResetError:
            return client
        else:
            return client


def _close(client: socket.socket) -> None:
    client.close()


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _check_ledger(server: HammsServer, door: BlockingDoor, visits: int) -> None:
    """Check that the ledger has a request even if the mode does not read it, unless the mode reset it before."""
    earlier = len(server.ledger.requests(door.name))
    resets = _unread_resets(server.ledger, door)
    with _connect(door) as client:
        with suppress(OSError):
            client.sendall(CONTRACT_REQUEST)
        seen = Event()
        # Some modes send much before they read.
        reading = Thread(target=_read_until, args=(seen, client))
        reading.start()
        what = "a request did not reach the ledger"
        try:
            _wait(
                server,
                lambda ledger: (
                    len(ledger.requests(door.name)) > earlier
                    or _unread_resets(ledger, door) > resets
                ),
                door,
                what,
            )
        finally:
            seen.set()
            reading.join()
    if _unread_resets(server.ledger, door) > resets:
        return
    request = server.ledger.requests(door.name)[-1]
    assert (request.method, request.target) == ("PUT", "/x?y=1"), f"{door.name}: {request}"
    assert request.fields == (("Host", "hamms.test"), ("X-Id", "7")), f"{door.name}: {request}"
    _wait_closed(server, door, visits, "after a request")


def _unread_resets(ledger: Ledger | BlockingLedger, door: BlockingDoor) -> int:
    """Return the number of connections that the mode has reset before it read anything."""
    records = ledger.connections(door.name)
    return sum(r.ended is Ending.RST and not r.octets_received for r in records)


def _check_cancelled(server: HammsServer, name: str) -> None:
    """Check that the end of the door ends every connection."""
    with ExitStack() as stack:
        door = stack.enter_context(server.open(name))
        clients = [stack.enter_context(_connect(door)) for _ in range(CANCELLED_CLIENTS)]
        for client in clients:
            with suppress(OSError):
                client.sendall(HALF_A_HEAD)
        _wait(
            server,
            lambda ledger: len(ledger.connections(door.name)) == CANCELLED_CLIENTS,
            door,
            "clients were not accepted",
        )
        door.close()
        _wait_closed(server, door, CANCELLED_CLIENTS, "after the server's end")


def _wait_closed(
    server: HammsServer, door: BlockingDoor, visits: int, when: str | Mapping[int, str]
) -> None:
    """Wait until so many connections were accepted, and all are closed.

    Args:
        when: after which step that is; or after which, by the client's port.
    """

    def are_closed(ledger: Ledger) -> bool:
        records = ledger.connections(door.name)
        return len(records) >= visits and all(record.closed for record in records)

    try:
        server.ledger.wait_until(are_closed, timeout=SAFETY_NET)
    except TimeoutError as error:
        if not isinstance(when, str):
            records = server.ledger.connections(door.name)
            ports = [record.client[1] for record in records if not record.closed]
            when = "after " + ("; ".join(when[port] for port in ports if port in when) or "a visit")
        raise AssertionError(f"{door.name}: connections stayed open {when}; {error}") from None


def _wait(
    server: HammsServer, condition: Callable[[Ledger], bool], door: BlockingDoor, what: str
) -> None:
    try:
        server.ledger.wait_until(condition, timeout=SAFETY_NET)
    except TimeoutError as error:
        raise AssertionError(f"{door.name}: {what}; {error}") from None


def _listens(door: BlockingDoor) -> bool:
    with socket.socket() as client:
        client.settimeout(SECONDS_TO_CONNECT)
        return client.connect_ex(door.address) == 0


def _open_sockets() -> set[str]:
    """List the sockets of this process, if the system lists them."""
    if sys.platform != "linux":
        return set()
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor that lists them
            found.add(os.readlink(descriptor))
    return {each for each in found if each.startswith("socket:")}
