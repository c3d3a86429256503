"""Injections into connections in private network namespaces; a program that prints the outcome of each.

    echo '{"traffic": "idle", ...}' | unshare -n python -m tests.netsplode.inject.scene OUTER

The program plays one scene for each line. OUTER is the network namespace of the caller, in which the program
refuses to run, because it sniffs and injects.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import compress
from typing import Any, cast

from netsplode.inject import Injected, inject_reset, open_injection
from netsplode.kernel.diag import Diag
from tests.netsplode.inject import namespaces
from tests.netsplode.inject.namespaces import Address, Place

SAFETY_NET = 10.0  # seconds
CONNECT_SECONDS = 60.0  # a handshake may lose several segments, one after the other
OCTETS = {"answers": 100, "paced": 10_000, "flat": 1 << 20, "duplex": 1 << 20}  # in one write
UNDER_WAY = {  # octets that the client and the server have received by the time of the injection
    "idle": (0, 0),
    "answers": (1000, 1000),
    "paced": (0, 100_000),
    "flat": (0, 1 << 24),
    "duplex": (1 << 24, 1 << 24),
}
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21  # linux/tcp.h
_RECEIVE_QUEUE, _OFF_WITHOUT_PROBE = 1, -1


@dataclass(frozen=True)
class Scene:
    """One kind of connection, and the injection into it.

    Attributes:
        traffic: idle, paced (10 MB/s), answers (request, response), flat (full speed) or duplex (full speed,
            both ways); none is for a port without a connection.
        path: loopback; veth (A, a router, B); link (A, B, link-local addresses); self (A, its own link-local
            address); slow (A, B, with ``delay`` seconds each way and ``loss``).
        at: the host that injects: a, b or router.
        firewall: the hook at which A (forward: the router) has a ``verdict`` on what conntrack calls invalid.
        way: the way of waiting: at once, by turns, in trio or in asyncio. By turns, the kernel's list tells which
            ends are down.
        known: True if the sequence numbers are read from the sockets beforehand.
    """

    traffic: str = "idle"
    family: int = 4
    path: str = "loopback"
    at: str = "a"
    firewall: str = ""
    verdict: str = "drop"
    delay: float = 0.0
    loss: float = 0.0
    driver: str = "linux"
    ends: str = "both"
    way: str = "at once"
    known: bool = False
    probing: bool = True
    runs: int = 3
    timeout: float = 5.0


class End:
    """One end with its traffic, and the errors that it has seen."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        sends: str,
        answers: bool,
        under_way: int,
        patience: float = SAFETY_NET,
    ) -> None:
        self.sock = sock
        self.saw: set[str] = set()
        self.down_at: float | None = None
        self.is_under_way = threading.Event()
        self._under_way = under_way
        self._gave_up = False
        sock.settimeout(patience)  # seconds to wait for any event
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
            self.saw.add("nothing" if self._gave_up else "EOF")
        except OSError as error:
            self.saw.add(type(error).__name__)
        self.down_at = self.down_at or time.monotonic()

    def _read(self, answers: bool) -> None:
        room = bytearray(1 << 20)
        received = 0
        while True:
            if received >= self._under_way:
                self.is_under_way.set()
            got = self.sock.recv_into(room)
            if not got:
                return
            received += got
            if answers:
                self.sock.sendall(room[:got])

    def _write(self, sends: str) -> None:
        octets = bytes(OCTETS[sends])
        while True:
            self.sock.sendall(octets)
            if sends in ("answers", "paced"):
                time.sleep(0.001)  # the pace of the traffic; no test waits for it

    def wait(self) -> None:
        for thread in self.threads:
            thread.join(SAFETY_NET + 1)

    def give_up(self) -> None:
        """Stop waiting on an idle connection."""
        self._gave_up = True
        with suppress(OSError):  # the end has seen an error
            self.sock.shutdown(socket.SHUT_RD)

    def finish(self) -> list[str]:
        self.wait()
        self.sock.close()
        return sorted(self.saw)


Pair = tuple[socket.socket, socket.socket]


def connect(place: Place, listener: socket.socket) -> Pair:
    with place.a.entered():
        client = socket.socket(listener.family)
    client.settimeout(CONNECT_SECONDS)
    client.connect(place.to_connect(listener.getsockname()[1]))
    server, _ = listener.accept()
    return client, server


def alive(pair: Pair) -> bool:
    pair[0].sendall(b"?")
    return pair[1].recv(1) == b"?"


def addresses(pair: Pair, at: str) -> tuple[Address, Address]:
    """Return the addresses of the client and the server, as A or B knows them."""
    client, server = pair
    if at == "b":
        return server.getpeername(), server.getsockname()
    return client.getsockname(), client.getpeername()


def expected_by(sock: socket.socket) -> int:
    """Read RCV.NXT of a socket."""
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, _RECEIVE_QUEUE)
    octets = sock.getsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ, 4)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _OFF_WITHOUT_PROBE)
    return cast(int, struct.unpack("I", octets)[0])


def inject(scene: Scene, place: Place, pair: Pair) -> Injected:
    local, remote = addresses(pair, scene.at)
    options: dict[str, Any] = {
        "ends": scene.ends,
        "timeout": scene.timeout,
        "driver": scene.driver,
    }
    if scene.way == "at once":
        delivered: list[Injected] = []
        result = inject_reset(local, remote, deliver=delivered.append, **options)
        assert delivered == [result]
        return result
    if scene.known:
        options["expected"] = {"local": expected_by(pair[0]), "remote": expected_by(pair[1])}
    options["probing"] = scene.probing
    if scene.way == "in trio":
        return inject_in_trio(local, remote, options)
    if scene.way == "in asyncio":
        return asyncio.run(inject_in_asyncio(local, remote, options))
    return inject_by_turns(place, local, remote, options)


def inject_by_turns(
    place: Place, local: Address, remote: Address, options: dict[str, Any]
) -> Injected:
    ends = {
        "local": (place.a, local, remote, place.scopes[0]),
        "remote": (place.b, remote, local, place.scopes[1]),
    }

    def is_listed(name: str) -> bool:
        where, own, other, interface = ends[name]
        pair = cast(tuple[str, int], own[:2]), cast(tuple[str, int], other[:2])
        with where.entered(), Diag() as diag:
            return diag.get(*pair, interface=interface) is not None

    with open_injection(local, remote, **options) as injection:
        injection.step()
        while not injection.done:
            for name in injection.pending:
                if not is_listed(name):
                    injection.note_gone(name)
            injection.wait(0.01)
            injection.step()
        return injection.result


def inject_in_trio(local: Address, remote: Address, options: dict[str, Any]) -> Injected:
    import trio

    async def main() -> Injected:
        with open_injection(local, remote, clock=trio.current_time, **options) as injection:
            (descriptor,) = injection.filenos()
            injection.step()
            while not injection.done:
                with trio.move_on_at(injection.next_time):
                    await trio.lowlevel.wait_readable(descriptor)
                injection.step()
            return injection.result

    return trio.run(main)


async def inject_in_asyncio(local: Address, remote: Address, options: dict[str, Any]) -> Injected:
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    with open_injection(local, remote, clock=loop.time, **options) as injection:
        for descriptor in injection.filenos():
            loop.add_reader(descriptor, news.set)
        injection.step()
        while not injection.done:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(injection.next_time):
                    await news.wait()
            news.clear()
            injection.step()
        for descriptor in injection.filenos():
            loop.remove_reader(descriptor)
        return injection.result


def play_once(scene: Scene, place: Place, listener: socket.socket) -> dict[str, Any]:
    pair = connect(place, listener)
    kind = scene.traffic
    sends = ("" if kind == "idle" else kind, "flat" if kind == "duplex" else "")
    ends = [
        End(
            sock,
            sends=sends[at],
            answers=sock is pair[1] and kind == "answers",
            under_way=UNDER_WAY[kind][at],
        )
        for at, sock in enumerate(pair)
    ]
    for end in ends:
        assert end.is_under_way.wait(SAFETY_NET), "the traffic does not come up"
    place.loses.set()
    with {"a": place.a, "b": place.b, "router": place.router}[scene.at].entered():
        began = time.monotonic()
        result = inject(scene, place, pair)
    names = ("remote", "local") if scene.at == "b" else ("local", "remote")
    is_meant = [scene.ends in ("both", name) for name in names]
    for end in compress(ends, is_meant):
        end.wait()
    for end, meant in zip(ends, is_meant, strict=True):
        if not meant:
            end.give_up()
    saw = [end.finish() for end in ends]
    place.loses.clear()
    down_at = [began + 99 if end.down_at is None else end.down_at for end in ends]
    return {"saw": saw, "down_ms": (max(down_at) - began) * 1000, **as_json(result)}


def play_absent(scene: Scene, place: Place, listener: socket.socket) -> dict[str, Any]:
    client, server = connect(place, listener)
    with client, server, place.a.entered(), socket.socket(listener.family) as sock:
        sock.bind((client.getsockname()[0], 0))  # where nobody listens
        return as_json(
            inject_reset(sock.getsockname(), client.getpeername(), timeout=scene.timeout)
        )


def as_json(result: Injected) -> dict[str, Any]:
    return {
        "outcomes": {name: outcome.value for name, outcome in result.ends.items()},
        "proved_ms": result.elapsed * 1000,
        "probes": result.probes,
        "resets": result.resets,
        "blocked": result.blocked,
        "was_there": result.was_there,
        "kept": [len(os.listdir("/proc/self/fd")), threading.active_count()],
    }


def place_for(scene: Scene) -> Place:
    match scene.path:
        case "slow":
            place = namespaces.slow(scene.family, scene.delay, scene.loss)
        case "veth":
            place = namespaces.veth(scene.family)
        case "link" | "self":
            place = namespaces.link(alone=scene.path == "self")
        case _:
            place = namespaces.loopback(scene.family)
    if scene.firewall:
        where = place.router if scene.firewall == "forward" else place.a
        namespaces.add_firewall(where, scene.firewall, scene.verdict)
    return place


def play(scene: Scene) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        place = stack.enter_context(closing(place_for(scene)))
        family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
        with place.b.entered():
            listener = stack.enter_context(
                socket.create_server(place.to_listen(), family=family, backlog=16)
            )
        listener.settimeout(CONNECT_SECONDS)
        bystander = connect(place, listener)
        for sock in bystander:
            stack.enter_context(sock).settimeout(SAFETY_NET)
        once = play_absent if scene.traffic == "none" else play_once
        played = []
        for _ in range(scene.runs):
            played.append(once(scene, place, listener))
            assert alive(bystander), "another connection was lost"
        for sock in connect(place, listener):  # so the listener has survived
            sock.close()
    return played


def serve(play: Callable[..., object]) -> None:
    """Play the scene of each line of the input."""
    (outer,) = sys.argv[1:]
    if os.readlink("/proc/self/ns/net") == outer:
        sys.exit("refused: this network namespace is not private")
    for line in sys.stdin:
        print(json.dumps(play(**json.loads(line))), flush=True)


if __name__ == "__main__":
    serve(lambda **scene: play(Scene(**scene)))
