"""Each mode over a real socket, compared with the octets and the ending of its script."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from hamms_trio import HammsServer
from hamms_trio.lab.doors import Door
from hamms_trio.lab.script.player import (
    MOST_SCRIPT_OCTETS,
    TO_SERVER,
    UNANSWERED,
    URGENT,
    Line,
    script,
)
from hamms_trio.lab.script.requests import GET, REQUESTS
from hamms_trio.net.listening.port_kind import Reach
from hamms_trio.net.observer import Ending
from tests.clients import raw
from tests.modes.test_transcripts import DOORS

NONCE = b"X-Hamms-Nonce: on-the-wire\r\n\r\n"
DATE = b"Sun, 06 Nov 1994 08:49:37"
ZONE = b" GMT"
PORT = re.compile(rb"(?<=[a-z1\]]):[0-9]{5}(?=[/\r])")
MADE = re.compile(rb"(?<=X-Hamms-Nonce: )[0-9a-f]{12}(?=\r)")  # a nonce of the server
LONG = 40.0  # virtual seconds; a mode that sends nothing for longer is silent
SILENCE = 0.02  # real seconds in which a silent mode's client receives nothing
ENOUGH_OCTETS = 1024 * 1024  # of an endless answer
CLOCKED = ("llm-quota",)  # its answers depend on the time until its bucket is full again
UNCLOCKED = [d for d in DOORS if d.name not in CLOCKED and not d.mode.speaks_tls]


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, speed=1000) as server:
        yield server


@pytest.mark.parametrize("door", UNCLOCKED, ids=lambda door: door.name)
def test_a_mode_plays_its_script_over_a_socket(server: HammsServer, door: Door) -> None:
    with server.open(door.name, **door.given) as opened:
        if door.listens:
            requests = [with_nonce(request) for request in REQUESTS.get(door.name, [GET])]
            lines = script(door, requests)
            try:
                with connected_when_open(opened.address) as client:
                    replay(client, lines)
            except ConnectionResetError:  # while it connects
                assert [what for _, _, what in lines] == [Ending.RST.value]
        else:
            with pytest.raises((ConnectionRefusedError, TimeoutError)) as caught:
                socket.create_connection(opened.address, timeout=UNANSWERED)
            is_blackhole = door.port_kind.reach is Reach.BLACKHOLE
            assert caught.type is (TimeoutError if is_blackhole else ConnectionRefusedError)


@contextmanager
def connected_when_open(address: raw.Address) -> Iterator[socket.socket]:
    """Open a connection, as soon as a port takes one that is closed at first."""
    while True:
        with suppress(ConnectionRefusedError), raw.connected(address) as client:
            yield client
            return


def with_nonce(request: bytes) -> bytes:
    """Add our nonce to a request; return octets without a head unchanged."""
    return request.replace(b"\r\n\r\n", b"\r\n" + NONCE, 1) if b" HTTP/1." in request else request


def replay(client: socket.socket, lines: list[Line]) -> None:
    """Play the client's lines of the script, and check the server's."""
    latest, received = 0.0, 0
    is_endless = (
        sum(len(what) for _, _, what in lines if isinstance(what, bytes)) >= MOST_SCRIPT_OCTETS
    )
    for at, direction, what in lines:
        if what == Ending.FIN.value:
            assert client.recv(1) == b""
        elif what == Ending.RST.value:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        elif isinstance(what, str) and what.startswith(URGENT):
            assert f"{URGENT}{client.recv(1, socket.MSG_OOB)!r}" == what
        elif isinstance(what, str):  # the client gives up
            if at - latest > LONG:
                expect_silence(client)
        elif direction == TO_SERVER:
            client.sendall(what)
            latest = at
        else:
            assert masked(receive(client, len(what))) == masked(what)
            latest, received = at, received + len(what)
            if is_endless and received > ENOUGH_OCTETS:
                return


def receive(client: socket.socket, octets: int) -> bytes:
    """Receive this number of octets, or fewer if the connection ends."""
    received = bytearray()
    while len(received) < octets and (data := client.recv(octets - len(received))):
        received += data
    return bytes(received)


def masked(octets: bytes) -> bytes:
    """Remove dates, ports and nonces that the server makes; its clock, the kernel and earlier tests decide them."""
    *dated, rest = MADE.sub(b"", octets).split(ZONE)
    return PORT.sub(b":port", ZONE.join([*(part[: -len(DATE)] for part in dated), rest]))


def expect_silence(client: socket.socket) -> None:
    client.settimeout(SILENCE)
    with pytest.raises(TimeoutError):
        client.recv(1)
