"""Connections in private network namespaces and injections into them; run as a program, it prints what happened.

    unshare -n python -m tests.netsplode.inject.scene OUTER '{"traffic": "idle", ...}'

OUTER is the network namespace of whoever starts it: it refuses to run there, because it sniffs and injects.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import ipaddress
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from netsplode.inject import Injected, inject_reset, open_injection

SAFETY_NET = 10.0  # seconds
_NETNS = "/proc/self/task/{}/ns/net"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Scene:
    """What is played.

    Attributes:
        traffic: idle, paced (10 MB/s), answers (request, response), flat (out) or duplex (flat out, both ways).
        path: loopback; veth (A, a router, B); slow (A, B, with ``delay`` seconds each way and ``loss``).
        at: where it is injected: a, b or router.
        patience: seconds that an end waits for anything to happen.
    """

    traffic: str = "idle"
    family: int = 4
    path: str = "loopback"
    at: str = "a"
    delay: float = 0.0
    loss: float = 0.0
    driver: str = "linux"
    ends: str = "both"
    loop: str = ""
    runs: int = 3
    timeout: float = 5.0
    patience: float = SAFETY_NET


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def write(path: str, value: str) -> None:
    with open(path, "w") as file:
        file.write(value)


class Namespace:
    """A network namespace, kept by a descriptor."""

    def __init__(self, *, new: bool = True) -> None:
        own = _NETNS.format(threading.get_native_id())
        before = os.open(own, os.O_RDONLY)
        if new:
            _check(_libc.unshare(_CLONE_NEWNET))
            for which in ("all", "default"):  # duplicate address detection takes 2 s
                write(f"/proc/sys/net/ipv6/conf/{which}/accept_dad", "0")
            ip("link", "set", "lo", "up")
            self.fd = os.open(own, os.O_RDONLY)
            _check(_libc.setns(before, _CLONE_NEWNET))
            os.close(before)
        else:
            self.fd = before

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
    """Where the ends are."""

    a: Namespace
    b: Namespace
    router: Namespace
    address: str


def loopback(family: int) -> Place:
    here = Namespace()
    return Place(here, here, here, "127.0.0.1" if family == 4 else "::1")


def addressed(side: int, family: int) -> str:
    """Of the end on one side; its gateway has the address after it."""
    return f"10.0.{side}.1" if family == 4 else f"fd00:{side}::1"


def following(address: str) -> str:
    return str(ipaddress.ip_address(address) + 1)


def configure(where: Namespace, name: str, address: str, gateway: str | None) -> None:
    bits = "24" if "." in address else "64"
    nodad = [] if "." in address else ["nodad"]
    with where.entered():
        ip("addr", "add", f"{address}/{bits}", "dev", name, *nodad)
        ip("link", "set", name, "up")
        if gateway:
            ip(*(["-6"] if nodad else []), "route", "add", "default", "via", gateway)


def veth(family: int) -> Place:
    a, b, router = Namespace(), Namespace(), Namespace()
    with router.entered():
        for side, end in ((1, a), (2, b)):
            ip("link", "add", f"r{side}", "type", "veth", "peer", "name", "eth")
            ip("link", "set", "eth", "netns", end.path)
            address = addressed(side, family)
            configure(router, f"r{side}", following(address), None)
            configure(end, "eth", address, following(address))
        write("/proc/sys/net/ipv4/ip_forward", "1")
        write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
    return Place(a, b, router, addressed(2, family))


def tun(where: Namespace, address: str) -> int:
    with where.entered():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"tun", 0x1001))  # TUNSETIFF, NO_PI
        configure(where, "tun", address, None)
        ip("link", "set", "tun", "txqueuelen", "5000")
    return fd


def slow(scene: Scene) -> Place:
    """Two tunnels, and a thread that carries the packets from one to the other, late and not all."""
    a, b = Namespace(), Namespace()
    here = addressed(1, scene.family)
    there = following(here)
    fds = tun(a, here), tun(b, there)
    carrier = threading.Thread(target=carry, args=(fds, scene.delay, scene.loss), daemon=True)
    carrier.start()
    return Place(a, b, a, there)


def carry(fds: tuple[int, int], delay: float, loss: float) -> None:
    chance = random.Random(5)
    under_way: list[tuple[float, int, int, bytes]] = []
    count = 0
    while True:
        wait = under_way[0][0] - time.monotonic() if under_way else 1.0
        for fd in select.select(fds, [], [], max(0.0, wait))[0]:
            packet = os.read(fd, 65536)
            if chance.random() >= loss:
                count += 1
                to = fds[1] if fd == fds[0] else fds[0]
                heapq.heappush(under_way, (time.monotonic() + delay, count, to, packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(under_way)
            os.write(to, packet)


class End:
    """One end, its traffic, and what it has seen."""

    def __init__(self, sock: socket.socket, *, sends: str, answers: bool, patience: float) -> None:
        self.sock = sock
        self.saw: set[str] = set()
        self.down_at: float | None = None
        sock.settimeout(patience)
        self.threads = [threading.Thread(target=self._until_down, args=(self._read, answers))]
        if sends:
            self.threads.append(
                threading.Thread(target=self._until_down, args=(self._write, sends))
            )
        for thread in self.threads:
            thread.start()

    def _until_down(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
            self.saw.add("EOF")
        except OSError as error:
            self.saw.add(type(error).__name__)
        self.down_at = self.down_at or time.monotonic()

    def _read(self, answers: bool) -> None:
        room = bytearray(1 << 20)
        while got := self.sock.recv_into(room):
            if answers:
                self.sock.sendall(room[:got])

    def _write(self, sends: str) -> None:
        octets = bytes({"answers": 100, "paced": 10_000}.get(sends, 1 << 20))
        while True:
            self.sock.sendall(octets)
            if sends in ("answers", "paced"):
                time.sleep(0.001)

    def finish(self) -> list[str]:
        for thread in self.threads:
            thread.join(SAFETY_NET + 1)
        self.sock.close()
        return sorted(self.saw)


def connect(place: Place, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    with place.a.entered():
        client = socket.socket(listener.family)
    client.settimeout(SAFETY_NET)
    client.connect(listener.getsockname()[:2])
    server, _ = listener.accept()
    return client, server


def alive(pair: tuple[socket.socket, socket.socket]) -> bool:
    pair[0].sendall(b"?")
    return pair[1].recv(1) == b"?"


def inject(scene: Scene, client: socket.socket) -> Injected:
    local, remote = client.getsockname(), client.getpeername()
    arguments: dict[str, Any] = {
        "ends": scene.ends,
        "timeout": scene.timeout,
        "driver": scene.driver,
    }
    if scene.loop == "trio":
        return inject_in_trio(local, remote, arguments)
    delivered: list[Injected] = []
    result = inject_reset(local, remote, deliver=delivered.append, **arguments)
    assert delivered == [result]
    return result


def inject_in_trio(local: Any, remote: Any, arguments: dict[str, Any]) -> Injected:
    import trio

    async def main() -> Injected:
        with open_injection(local, remote, clock=trio.current_time, **arguments) as injection:
            injection.step()
            while not injection.done:
                with trio.move_on_at(injection.next_time):
                    await trio.lowlevel.wait_readable(injection.filenos()[0])
                injection.step()
            return injection.result

    return trio.run(main)


def play_once(scene: Scene, place: Place, listener: socket.socket) -> dict[str, Any]:
    client, server = connect(place, listener)
    kind = scene.traffic
    ends = (
        End(client, sends="" if kind == "idle" else kind, answers=False, patience=scene.patience),
        End(
            server,
            sends="flat" if kind == "duplex" else "",
            answers=kind == "answers",
            patience=scene.patience,
        ),
    )
    time.sleep(0.02 if kind == "idle" else 0.1)  # so that the traffic is under way
    where = {"a": place.a, "b": place.b, "router": place.router}[scene.at]
    with where.entered():
        began = time.monotonic()
        result = inject(scene, client)
    saw = [end.finish() for end in ends]
    return {
        "saw": saw,
        "outcomes": {name: outcome.value for name, outcome in result.ends.items()},
        "down_ms": max((end.down_at or began + 99) - began for end in ends) * 1000,
        "proved_ms": result.elapsed * 1000,
        "sent": result.probes + result.resets,
    }


def play(scene: Scene) -> list[dict[str, Any]]:
    if scene.path == "slow":
        place = slow(scene)
    else:
        place = veth(scene.family) if scene.path == "veth" else loopback(scene.family)
    family = socket.AF_INET if scene.family == 4 else socket.AF_INET6
    with ExitStack() as stack:
        with place.b.entered():
            listener = stack.enter_context(
                socket.create_server((place.address, 0), family=family, backlog=16)
            )
        listener.settimeout(SAFETY_NET)
        bystander = connect(place, listener)
        for sock in bystander:
            stack.enter_context(sock).settimeout(SAFETY_NET)
        played = []
        for _ in range(scene.runs):
            played.append(play_once(scene, place, listener))
            assert alive(bystander), "another connection was lost"
        for sock in connect(place, listener):  # so the listener is still there
            sock.close()
    return played


def main(outer: str, scene: str) -> None:
    if os.readlink("/proc/self/ns/net") == outer:
        sys.exit("refused: this network namespace is not private")
    print(json.dumps(play(Scene(**json.loads(scene)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
