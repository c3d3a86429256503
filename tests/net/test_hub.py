"""The contract of each kind of hub: octets, endings, timers, turns."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count, pairwise
from time import monotonic

import pytest
import trio
import trio.testing

import netsplode
from hamms_trio.modes.declare import on_connect
from hamms_trio.modes.model.environment import Environment
from hamms_trio.modes.model.expectation import may_choose
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.hubs.hub import IN, TURN_SECONDS, open_hub
from hamms_trio.recording.ledger import Ending
from tests.lab.servers import HostModes, connect, read_all

REQUEST = b"GET /?sleep=86400 HTTP/1.1\r\nHost: hamms.test\r\n\r\n"


async def test_a_client_s_reset_is_recorded_while_the_mode_sleeps(hosting: HostModes) -> None:
    async with hosting(environment=Environment()) as hamms:
        client = await connect(hamms, "pace-first-byte")
        await client.send_all(REQUEST)
        await hamms.ledger.wait_until(lambda ledger: len(ledger.requests()) == 1)
        netsplode.reset_connection(client)
        await trio.aclose_forcefully(client)
        await hamms.ledger.wait_until(lambda ledger: not ledger.open_connections())
        (record,) = hamms.ledger.connections()
        assert record.left is Ending.RST
        assert record.left_after is not None


async def test_a_client_s_fin_is_recorded_while_the_mode_sleeps(hosting: HostModes) -> None:
    async with hosting(environment=Environment()) as hamms:
        async with await connect(hamms, "pace-first-byte") as client:
            await client.send_all(REQUEST + b"more")
        await hamms.ledger.wait_until(lambda ledger: ledger.connections()[0].left is Ending.FIN)


async def test_octets_that_arrive_during_a_sleep_stay_in_order(hosting: HostModes) -> None:
    async with hosting() as hamms, await connect(hamms, "pace-first-byte") as client:
        request = b"GET /?sleep=50 HTTP/1.1\r\nHost: hamms.test\r\nX-Id: %d\r\n\r\n"
        for number in range(10):
            await client.send_all(request % number)
            await hamms.ledger.wait_until(lambda ledger: bool(ledger.requests()))
        await client.send_eof()
        answer = await read_all(client)
    found = [int(part.partition(b'"')[0]) for part in answer.split(b'"X-Id": "')[1:]]
    assert found == list(range(10))


async def test_a_hundred_sleeps_in_a_row_never_end_early(hosting: HostModes) -> None:
    woken: list[float] = []

    @on_connect(client=may_choose("a test"))
    async def sleeper(peer: Peer) -> None:
        """Sleep a hundred times."""
        woken.append(monotonic())
        for _ in range(100):
            await peer.sleep(0.001)
        woken.append(monotonic())

    async with hosting([sleeper], environment=Environment()) as hamms:
        async with await connect(hamms, "sleeper") as client:
            assert await read_all(client) == b""
    begun, ended = woken
    assert ended - begun >= 0.1  # never early; how late depends on the machine


async def test_timers_fire_in_order_and_never_early(hub_kind: str) -> None:
    hub = open_hub(hub_kind)
    fired: list[tuple[int, bool]] = []
    done = trio.Event()
    async with trio.open_nursery() as nursery:
        start = monotonic()

        def fire(number: int) -> Callable[[float], None]:
            def at(due: float) -> None:
                fired.append((number, monotonic() >= due))
                if len(fired) == 50:
                    done.set()

            return at

        for number in reversed(range(100)):
            timer = hub.call_at(start + number * 0.0005, fire(number))
            if number % 2:
                hub.cancel(timer)
        nursery.start_soon(hub.run)
        await done.wait()
        nursery.cancel_scope.cancel()
    assert fired == [(number, True) for number in range(0, 100, 2)]


async def test_other_tasks_run_between_slow_timers(hub_kind: str) -> None:
    hub = open_hub(hub_kind)
    fired: list[float] = []

    def fire(due: float) -> None:
        fired.append(due)
        begun = monotonic()
        while monotonic() < begun + TURN_SECONDS:
            pass

    for _ in range(20):
        hub.call_at(0.0, fire)
    seen = [0]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run)
        while seen[-1] < 20:
            await trio.lowlevel.checkpoint()
            seen.append(len(fired))
        nursery.cancel_scope.cancel()
    # trio may give the hub two turns in a row, each with one timer.
    assert max(after - before for before, after in pairwise(seen)) <= 2


async def test_call_next_from_another_task_wakes_the_hub(hub_kind: str) -> None:
    hub = open_hub(hub_kind)
    called = trio.Event()
    with trio.fail_after(30):  # a safety net
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.run)
            await trio.testing.wait_all_tasks_blocked()
            hub.call_next(called.set)
            await called.wait()
            nursery.cancel_scope.cancel()


async def test_call_next_from_within_a_turn_is_served(hub_kind: str) -> None:
    hub = open_hub(hub_kind)
    called = trio.Event()

    async def request_turn() -> None:
        hub.call_next(called.set)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:

            def take_long() -> None:
                turn_ends = monotonic() + TURN_SECONDS
                while monotonic() < turn_ends:
                    pass
                nursery.start_soon(request_turn)  # runs before the hub waits for events

            hub.call_next(take_long)
            nursery.start_soon(hub.run)
            hub.call_at(0.0, lambda _due: None)
            await called.wait()
            nursery.cancel_scope.cancel()


async def test_a_call_waits_for_one_quantum_of_a_busy_group(
    hub_kind: str,
) -> None:
    hub = open_hub(hub_kind)
    ran: list[str] = []
    done = trio.Event()

    def busy() -> None:
        ends = monotonic() + TURN_SECONDS
        while monotonic() < ends:
            pass
        ran.append("busy")
        if len(ran) > 40:
            done.set()

    for _ in range(40):
        hub.call_next(busy, "busy")
    hub.call_next(lambda: ran.append("quiet"), "quiet")
    with trio.fail_after(30):  # a safety net
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.run)
            await done.wait()
            nursery.cancel_scope.cancel()
    assert ran.index("quiet") <= 2
    assert ran.count("busy") == 40


class Reader:
    """A watcher that reads each octet, and says when all have come."""

    group = None

    def __init__(self, sock: socket.socket, octets: int) -> None:
        self._sock = sock
        self._left = octets
        self.has_all = trio.Event()

    def on_event(self, _events: int) -> None:
        self._left -= len(self._sock.recv(1))
        if not self._left:
            self.has_all.set()

    def abandon(self) -> None: ...


@pytest.mark.parametrize("twice", range(3))
async def test_no_event_is_lost_after_turns_of_one_event_each(hub_kind: str, twice: int) -> None:
    hub = open_hub(hub_kind)
    looks = count()
    hub.now = lambda: float(next(looks))  # a turn is over at each look at the clock
    pairs = [socket.socketpair() for _ in range(3)]
    readers = [Reader(ours, 1 + (at == twice)) for at, (ours, _) in enumerate(pairs)]
    with ExitStack() as stack, trio.fail_after(30):
        for (ours, theirs), reader in zip(pairs, readers, strict=True):
            stack.enter_context(ours)
            stack.enter_context(theirs)
            ours.setblocking(False)
            theirs.send(b"a")
            hub.watch(ours.fileno(), reader, IN)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.run)
            await trio.testing.wait_all_tasks_blocked()
            pairs[twice][1].send(b"a")
            for reader in readers:
                await reader.has_all.wait()
            nursery.cancel_scope.cancel()


def test_cancelled_timers_do_not_pile_up(hub_kind: str) -> None:
    hub = open_hub(hub_kind)
    for _ in range(100_000):
        hub.cancel(hub.call_at(monotonic() + 1e6, lambda due: None))
    assert hub.timers < 2_000
    hub.close()


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors as Linux does")
def test_ports_recover_after_descriptors_run_out() -> None:
    """Use up the descriptors of a child process that has a low limit."""
    script = textwrap.dedent("""
        import contextlib, os, resource, socket
        resource.setrlimit(resource.RLIMIT_NOFILE, (320, 320))
        from hamms_trio import HammsServer

        def get(server):
            with socket.create_connection(server.address("status"), 10) as client:
                client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
                return client.recv(100)

        with HammsServer(beginning_port=0) as server:
            taken = []
            try:
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                os.close(taken.pop())  # one for the client, none for the server
            client = socket.create_connection(server.address("status"), 10)
            client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
            for fd in taken:
                os.close(fd)
            assert b" 200 OK" in client.recv(100)
            assert b" 200 OK" in get(server)
            hogs = []
            # More than the share of one port: the last ones are reset. Their clients' descriptors count, too.
            for _ in range(90):
                with contextlib.suppress(ConnectionResetError):
                    hogs.append(socket.create_connection(server.address("tcp-accept-hang"), 10))
            assert b" 200 OK" in get(server)
            client.close()
            for hog in hogs:
                hog.close()
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


async def test_two_thousand_concurrent_clients_get_their_answers(hosting: HostModes) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients = min(2_000, soft // 4)
    async with hosting() as hamms, trio.open_nursery() as nursery:

        async def visit() -> None:
            async with await connect(hamms, "pace-first-byte") as client:
                await client.send_all(
                    b"GET /?sleep=20 HTTP/1.1\r\nHost: hamms.test\r\nConnection: close\r\n\r\n"
                )
                assert b" 200 OK" in await read_all(client)

        for _ in range(clients):
            nursery.start_soon(visit)
