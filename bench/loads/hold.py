"""Clients that connect, and stay connected."""

from __future__ import annotations

import socket
import time

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect_all
from bench.loads.requests import request_for
from bench.loads.securing import client_context, client_hello, secured
from bench.machine import cpu_seconds, open_descriptors, resident_octets, wait_settled

RATE = 15_000.0
ACCEPT_SECONDS = 20.0


def hold(
    *,
    address: Address,
    pid: int,
    connections: int,
    steady: Notice,
    seconds: float = 0.0,
    asks: bool = False,
    tls: bool = False,
    stalls: str = "",
) -> dict[str, float]:
    """Hold connections, and return the server's memory for one and its CPU to accept one.

    Args:
        asks: whether to make one request on each connection first.
        tls: whether to speak TLS.
        stalls: the host for which each sends a ClientHello instead, and nothing more; "" to send none.
    """
    wait_settled(pid)
    memory, cpu, open_before = resident_octets(pid), cpu_seconds(pid), open_descriptors(pid)
    held: list[socket.socket] = list(connect_all(address, connections, rate=RATE))
    if tls:
        context = client_context()
        held = [secured(sock, context) for sock in held]
    if stalls:
        hello = client_hello(stalls)
        for sock in held:
            sock.sendall(hello)
    if asks:
        for sock in held:
            sock.sendall(request_for(b"/"))
            sock.recv(65536)
    if not (asks or tls):  # an answer, or a handshake, shows that the connection is accepted
        _wait_accepted(pid, open_before + connections)
    if not seconds:
        wait_settled(pid)
    counted = {
        "octets": (resident_octets(pid) - memory) / connections,
        "cpu_us": (cpu_seconds(pid) - cpu) / connections * 1e6,
    }
    steady()
    time.sleep(seconds)
    _close(held)
    return counted


def _wait_accepted(pid: int, descriptors: int) -> None:
    deadline = time.monotonic() + ACCEPT_SECONDS
    while (found := open_descriptors(pid)) < descriptors:
        if time.monotonic() > deadline:
            raise Unmeasurable(f"the server has {found} of {descriptors} descriptors open")
        time.sleep(0.05)


def _close(held: list[socket.socket]) -> None:
    for sock in held:
        sock.close()
