"""Network namespaces, and the links between them."""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import ipaddress
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

Address = tuple[str | int, ...]

_NETNS = "/proc/self/task/{}/ns/net"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def write(path: str, value: str) -> None:
    with open(path, "w") as file:
        file.write(value)


class Namespace:
    """A new network namespace, kept open by a descriptor."""

    def __init__(self) -> None:
        own = _NETNS.format(threading.get_native_id())
        before = os.open(own, os.O_RDONLY)
        _check(_libc.unshare(_CLONE_NEWNET))
        for which in ("all", "default"):  # duplicate address detection takes 2 s
            write(f"/proc/sys/net/ipv6/conf/{which}/accept_dad", "0")
        ip("link", "set", "lo", "up")
        self.fd = os.open(own, os.O_RDONLY)
        _check(_libc.setns(before, _CLONE_NEWNET))
        os.close(before)

    @contextmanager
    def entered(self) -> Iterator[None]:
        before = os.open(_NETNS.format(threading.get_native_id()), os.O_RDONLY)
        _check(_libc.setns(self.fd, _CLONE_NEWNET))
        try:
            yield
        finally:
            _check(_libc.setns(before, _CLONE_NEWNET))
            os.close(before)

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.fd}"


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@dataclass
class Place:
    """The namespaces of both ends, and the path between them.

    Attributes:
        address: the address of B.
        scopes: the indexes of the interfaces in A and in B, for a link-local address.
        loses: set while packets get lost.
    """

    a: Namespace
    b: Namespace
    router: Namespace
    address: str
    scopes: tuple[int, int] = (0, 0)
    loses: threading.Event = field(default_factory=threading.Event)
    to_close: ExitStack = field(default_factory=ExitStack)

    def to_listen(self) -> Address:
        return (self.address, 0, 0, self.scopes[1]) if ":" in self.address else (self.address, 0)

    def to_connect(self, port: int) -> Address:
        v6 = ":" in self.address
        return (self.address, port, 0, self.scopes[0]) if v6 else (self.address, port)

    def close(self) -> None:
        self.to_close.close()
        for descriptor in {self.a.fd, self.b.fd, self.router.fd}:
            os.close(descriptor)


def loopback(family: int) -> Place:
    here = Namespace()
    return Place(here, here, here, "127.0.0.1" if family == 4 else "::1")


def veth(family: int) -> Place:
    """Make A and B, with a router between them."""
    a, b, router = Namespace(), Namespace(), Namespace()
    with router.entered():
        for side, end in ((1, a), (2, b)):
            ip("link", "add", f"r{side}", "type", "veth", "peer", "name", "eth")
            ip("link", "set", "eth", "netns", end.path)
            address = _addressed(side, family)
            _configure(router, f"r{side}", _following(address), None)
            _configure(end, "eth", address, _following(address))
        write("/proc/sys/net/ipv4/ip_forward", "1")
        write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
    return Place(a, b, router, _addressed(2, family))


def link(*, alone: bool) -> Place:
    """Make A and B on one link, with link-local addresses; or, ``alone``, only A, which connects to itself."""
    a, b = Namespace(), Namespace()
    with a.entered():
        ip("link", "add", "eth", "index", "1001", "type", "veth", "peer", "name", "eth1")
        ip("link", "set", "eth1", "netns", b.path, "name", "eth")
    _configure(a, "eth", "fe80::a", None)
    _configure(b, "eth", "fe80::b", None)
    if alone:
        return Place(a, a, a, "fe80::a", (1001, 1001))
    with b.entered():
        return Place(a, b, a, "fe80::b", (1001, socket.if_nametoindex("eth")))


def slow(family: int, delay: float, loss: float) -> Place:
    """Make two tunnels, and a thread that carries packets from one to the other, with delay and loss."""
    a, b = Namespace(), Namespace()
    here = _addressed(1, family)
    there = _following(here)
    tunnels = _tun(a, here), _tun(b, there)
    ending, end = os.pipe()
    place = Place(a, b, a, there)
    carrier = threading.Thread(target=_carry, args=(tunnels, delay, loss, place.loses, ending))
    carrier.start()
    for descriptor in (*tunnels, ending):
        place.to_close.callback(os.close, descriptor)
    place.to_close.callback(carrier.join)
    place.to_close.callback(os.close, end)
    return place


def add_firewall(where: Namespace, hook: str, verdict: str) -> None:
    """Add a firewall that refuses packets of unknown connections and outside of windows."""
    rules = f"""
        table inet firewall {{
            chain {hook} {{
                type filter hook {hook} priority 0;
                ct state invalid {verdict}
            }}
        }}"""
    with where.entered():
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def _addressed(side: int, family: int) -> str:
    """Return the address of one end; its gateway has the next one."""
    return f"10.0.{side}.1" if family == 4 else f"fd00:{side}::1"


def _following(address: str) -> str:
    return str(ipaddress.ip_address(address) + 1)


def _configure(where: Namespace, name: str, address: str, gateway: str | None) -> None:
    bits = "24" if "." in address else "64"
    nodad = [] if "." in address else ["nodad"]
    with where.entered():
        ip("addr", "add", f"{address}/{bits}", "dev", name, *nodad)
        ip("link", "set", name, "up")
        if gateway:
            ip(*(["-6"] if nodad else []), "route", "add", "default", "via", gateway)


def _tun(where: Namespace, address: str) -> int:
    with where.entered():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"tun", 0x1001))  # TUNSETIFF, NO_PI
        _configure(where, "tun", address, None)
        ip("link", "set", "tun", "txqueuelen", "5000")
    return fd


def _carry(
    tunnels: tuple[int, int], delay: float, loss: float, loses: threading.Event, ending: int
) -> None:
    """Carry packets until ``ending`` is readable."""
    chance = random.Random(5)
    under_way: list[tuple[float, int, int, bytes]] = []
    count = 0
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select([*tunnels, ending], [], [], wait)
        if ending in readable:
            return
        for tunnel in readable:
            packet = os.read(tunnel, 65536)
            if not loses.is_set() or chance.random() >= loss:
                count += 1
                to = tunnels[1] if tunnel == tunnels[0] else tunnels[0]
                heapq.heappush(under_way, (time.monotonic() + delay, count, to, packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(under_way)
            os.write(to, packet)
