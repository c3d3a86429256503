"""The hub's turns: their length, their order between groups, and events before late timers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count, pairwise

import pytest
import trio

from hamms_trio.net.hubs.hub import IN, PAUSE_SECONDS, TURN_SECONDS, Hub, open_hub

BUSY = 300  # sockets that always have an event
READINGS_PER_TURN = 4


class Ready:
    """A watched socket with octets to read that counts its events; ``reads`` makes it read."""

    def __init__(self, hub: Hub, stack: ExitStack, group: str, *, octets: bytes = b"x") -> None:
        self.group = group
        self.events = 0
        self.on_served: Callable[[], None] = lambda: None
        self.reads = False
        self._hub = hub
        self._socket, self._other = socket.socketpair()
        stack.enter_context(self._other)
        self._socket.setblocking(False)
        self._other.send(octets)
        hub.watch(self._socket.fileno(), self, IN)

    def make_readable(self) -> None:
        self._other.send(b"x")

    def on_event(self, _events: int) -> None:
        self.events += 1
        if self.reads:
            self._socket.recv(10)
        self.on_served()

    def abandon(self) -> None:
        self._hub.forget(self._socket.fileno())
        self._socket.close()


@pytest.fixture
def hub(hub_kind: str) -> Hub:
    """Make a hub whose clock advances by a quarter of a turn with each reading."""
    ticks = count()
    hub = open_hub(hub_kind)
    hub.now = lambda: next(ticks) * TURN_SECONDS / READINGS_PER_TURN
    return hub


async def run_until(hub: Hub, done: trio.Event) -> None:
    with trio.fail_after(30):  # a safety net
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.run)
            await done.wait()
            nursery.cancel_scope.cancel()


async def test_a_busy_port_delays_another_by_a_few_events_only(hub: Hub) -> None:
    done = trio.Event()
    with ExitStack() as stack:
        quiet = Ready(hub, stack, "quiet", octets=b"")
        busy = [Ready(hub, stack, "busy") for _ in range(BUSY)]
        served: list[str] = []

        def note() -> None:
            served.append("busy")
            if len(served) == 3 * BUSY:
                quiet.make_readable()

        def end() -> None:
            served.append("quiet")
            done.set()

        quiet.on_served = end
        for each in busy:
            each.on_served = note
        await run_until(hub, done)
    assert len(served) - 3 * BUSY < BUSY / 5


async def test_every_connection_of_a_busy_port_gets_its_event(hub: Hub) -> None:
    done = trio.Event()
    with ExitStack() as stack:
        busy = [Ready(hub, stack, "busy") for _ in range(BUSY)]

        def end_when_all_were_served() -> None:
            if all(each.events for each in busy):
                done.set()

        for each in busy:
            each.on_served = end_when_all_were_served
        await run_until(hub, done)
        assert max(each.events for each in busy) <= 3


async def test_other_tasks_run_while_a_port_is_busy(hub: Hub) -> None:
    done = trio.Event()
    served = 0
    seen: list[int] = []
    with ExitStack() as stack:
        busy = [Ready(hub, stack, "busy") for _ in range(BUSY)]

        def note() -> None:
            nonlocal served
            served += 1
            if served == BUSY:
                done.set()

        async def look() -> None:
            while True:
                seen.append(served)
                await trio.lowlevel.checkpoint()

        for each in busy:
            each.on_served = note
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            await run_until(hub, done)
            nursery.cancel_scope.cancel()
    # trio may give the hub two turns in a row.
    assert max(after - before for before, after in pairwise(seen)) <= 2 * READINGS_PER_TURN


async def test_forget_drops_the_descriptor_s_pending_event(hub: Hub) -> None:
    done = trio.Event()
    with ExitStack() as stack:
        busy = [Ready(hub, stack, "busy") for _ in range(BUSY)]
        last, others = busy[-1], busy[:-1]

        def forget_the_last() -> None:
            if not last.events and sum(each.events for each in others) == BUSY // 2:
                last.abandon()
            if all(each.events for each in others):
                done.set()

        for each in others:
            each.on_served = forget_the_last
        await run_until(hub, done)
        assert last.events <= 1


async def test_after_a_pause_pending_octets_are_read_before_timers_fire(hub_kind: str) -> None:
    hub, done = open_hub(hub_kind), trio.Event()
    order: list[str] = []
    with ExitStack() as stack:
        clients = [Ready(hub, stack, "a") for _ in range(BUSY)]
        for client in clients:
            client.reads = True
            client.on_served = lambda: order.append("read")

        def on_deadline(_due: float) -> None:
            order.append("deadline")
            done.set()

        hub.call_at(hub.now() - 2 * PAUSE_SECONDS, on_deadline)
        await run_until(hub, done)
    assert order == ["read"] * BUSY + ["deadline"]


async def test_a_flood_of_events_does_not_starve_timers(hub: Hub) -> None:
    done = trio.Event()
    with ExitStack() as stack:
        _ = [Ready(hub, stack, "busy") for _ in range(BUSY)]
        hub.call_at(0.0, lambda _due: done.set())
        await run_until(hub, done)
