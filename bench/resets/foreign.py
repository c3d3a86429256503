"""Connections that other processes hold, reset by their addresses."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.reduction import recv_handle, send_handle

import netsplode
from bench.resets.forked import Side, forked
from bench.resets.ways import WAYS, Address
from bench.trials import Try
from tests.netsplode.inject.namespaces import Place, loopback, slow, veth
from tests.netsplode.inject.scene import CONNECT_SECONDS, End, Scene, connect

DOWN = {"ConnectionResetError", "BrokenPipeError"}
SENDS = {
    "idle": ("", ""),
    "paced": ("paced", ""),
    "flat": ("flat", ""),
    "duplex": ("flat", "flat"),
}
IDLE_SECONDS, UNDER_WAY_SECONDS = 0.01, 0.1  # before it is reset


@dataclass(frozen=True)
class Theatre:
    """The place of the connections, and the two processes that hold their ends."""

    place: Place
    listener: socket.socket
    at: str
    holders: tuple[tuple[Side, int], tuple[Side, int]]


def foreign(
    *,
    tries: dict[str, int],
    limit: float,
    traffic: str = "idle",
    family: int = 4,
    path: str = "loopback",
    at: str = "a",
    delay: float = 0.0,
    loss: float = 0.0,
) -> dict[str, list[Try]]:
    """Measure, for each way and try, the milliseconds until both ends were down.

    Args:
        tries: the number of tries of each way; the ways take turns.
        limit: seconds after which a try has failed.
        traffic, family, path, at, delay, loss: see `tests.netsplode.inject.scene.Scene`.
    """
    scene = Scene(traffic=traffic, family=family, path=path, at=at, delay=delay, loss=loss)
    took: dict[str, list[Try]] = {way: [] for way in tries}
    with _theatre(scene) as theatre:
        for turn in range(max(tries.values())):
            for way in tries:
                if turn < tries[way]:
                    took[way].append(_try(way, scene, theatre, limit))
    return took


@contextmanager
def _theatre(scene: Scene) -> Iterator[Theatre]:
    with forked(_hold) as first, forked(_hold) as second:
        place = _place(scene)
        with (
            place.to_close,  # closed at any end, since a thread carries the packets of a slow place
            place.b.entered(),
            socket.create_server(
                (place.address, 0),
                family=socket.AF_INET if scene.family == 4 else socket.AF_INET6,
            ) as listener,
        ):
            listener.settimeout(CONNECT_SECONDS)
            holders = (first, first.recv()), (second, second.recv())
            theatre = Theatre(place, listener, scene.at, holders)
            _import_all(theatre)
            yield theatre


def _import_all(theatre: Theatre) -> None:
    """Make resets that do not count, because the first call imports the rest of netsplode."""
    for technique in "abort", "rst":
        ours, theirs = connect(theatre.place, theatre.listener)
        with ours, theirs, theatre.place.a.entered():
            netsplode.reset_connection(ours, technique=technique)


def _place(scene: Scene) -> Place:
    if scene.path == "slow":
        place = slow(scene.family, scene.delay, scene.loss)
        place.loses.set()
        return place
    return veth(scene.family) if scene.path == "veth" else loopback(scene.family)


def _try(way: str, scene: Scene, theatre: Theatre, limit: float) -> Try:
    settle = 2 * scene.delay + (IDLE_SECONDS if scene.traffic == "idle" else UNDER_WAY_SECONDS)
    local, remote = _hand_over(scene.traffic, theatre, settle + limit)
    time.sleep(settle)
    where = theatre.place.router if theatre.at == "router" else theatre.place.a
    with where.entered(), WAYS[way](local, remote, limit) as (began, is_vouched_for):
        reports = [side.recv() for side, _ in theatre.holders]
    for side, _ in theatre.holders:
        side.send("leave")
        side.recv()
    if not is_vouched_for or not all(set(saw) & DOWN for saw, _ in reports):
        return None
    took = max(at for _, at in reports) - began
    return 1000 * took if took < limit else None


def _hand_over(traffic: str, theatre: Theatre, seconds: float) -> tuple[Address, Address]:
    """Connect, and pass each end to its holder, which closes it after some seconds."""
    ends = connect(theatre.place, theatre.listener)
    local, remote = ends[0].getsockname()[:2], ends[1].getsockname()[:2]
    for (side, pid), sock, sends in zip(theatre.holders, ends, SENDS[traffic], strict=True):
        side.send((sends, seconds))
        send_handle(side, sock.fileno(), pid)
        sock.close()
        side.recv()
    return local, remote


def _hold(orders: Side) -> None:
    """Hold one end at a time, and report how and when it went down."""
    orders.send(os.getpid())
    while True:
        sends, seconds = orders.recv()
        sock = socket.socket(fileno=recv_handle(orders))
        end = End(sock, sends=sends, answers=False, patience=seconds, under_way=0)
        orders.send("holding")
        until = time.monotonic() + seconds
        for thread in end.threads:
            thread.join(max(0.0, until - time.monotonic()))
        orders.send((sorted(end.saw), end.down_at))
        orders.recv()  # neither closes its end before both have reported
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        end.finish()
        orders.send("left")
