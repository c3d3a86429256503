"""Connections as clients meet them, on each kind of hub."""

from __future__ import annotations

import json
import logging
from contextlib import suppress

import pytest
import trio

from hamms_trio.modes import CATALOGUE
from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.model.environment import Environment, Limits
from hamms_trio.modes.model.expectation import may_choose
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.recording.ledger import Ending
from hamms_trio.wire import RequestHead
from tests.lab.servers import HostModes, connect, read_all

GET = b"GET / HTTP/1.1\r\nHost: hamms.test\r\n\r\n"
LAST_GET = b"GET / HTTP/1.1\r\nHost: hamms.test\r\nConnection: close\r\n\r\n"


@on_request(client=may_choose("a test"))
async def broken_mode(peer: Peer, request: RequestHead) -> None:
    """Raise LookupError."""
    raise LookupError("a bug in the mode")


@on_connect(client=may_choose("a test"))
async def flood(peer: Peer) -> None:
    """Send without end."""
    while True:
        await peer.send(bytes(64 * 1024))


async def test_finish_sends_fin_even_with_unread_octets(hosting: HostModes) -> None:
    async with hosting() as hamms, await connect(hamms, "frame-cl-short-fin") as client:
        await client.send_all(GET + b"x" * 100_000)
        assert (await read_all(client)).endswith(b"the rest of this")


async def test_a_drop_is_a_reset_without_an_octet(hosting: HostModes) -> None:
    async with hosting() as hamms, await connect(hamms, "tcp-drop-random") as client:
        await client.send_all(GET.replace(b"/ ", b"/?failrate=1 "))
        with pytest.raises(trio.BrokenResourceError) as caught:
            await client.receive_some()
        assert isinstance(caught.value.__cause__, ConnectionResetError)
        (record,) = hamms.ledger.connections()
        assert (record.ended, record.octets_sent) == (Ending.RST, 0)


async def test_a_bug_in_one_mode_is_logged_and_costs_one_connection(
    hosting: HostModes, caplog: pytest.LogCaptureFixture
) -> None:
    async with hosting([broken_mode, CATALOGUE["status"]]) as hamms:
        async with await connect(hamms, "status") as neighbour:
            for _ in range(2):
                async with await connect(hamms, "broken-mode") as client:
                    await client.send_all(GET)
                    assert await read_all(client) == b""
            await neighbour.send_all(LAST_GET)
            assert b" 200 OK" in await read_all(neighbour)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert "broken-mode" in errors[0].message
    assert errors[0].exc_info is not None


async def test_a_head_that_stays_incomplete_gets_408(hosting: HostModes) -> None:
    async with hosting(environment=Environment(limits=Limits(head=0.05))) as hamms:
        async with await connect(hamms, "status") as client:
            await client.send_all(b"GET / HTTP/1.1\r\nHost: ha")
            answer = await read_all(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in answer
    assert "0.05 seconds" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


async def test_a_dripped_head_does_not_extend_its_deadline(hosting: HostModes) -> None:
    async with hosting(environment=Environment(limits=Limits(head=0.1))) as hamms:
        client = await connect(hamms, "status")

        async def drip() -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while True:
                    await client.send_all(b"G")
                    await trio.sleep(0.005)

        async with client, trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            answer = await read_all(client)
            assert answer.startswith(b"HTTP/1.1 408 ")
            nursery.cancel_scope.cancel()


async def test_a_silent_client_is_closed_without_a_response(hosting: HostModes) -> None:
    async with hosting(environment=Environment(limits=Limits(idle=0.05, head=0.02))) as hamms:
        async with await connect(hamms, "status") as client:
            assert await read_all(client) == b""


async def test_an_idle_persistent_connection_is_closed(hosting: HostModes) -> None:
    async with hosting(environment=Environment(limits=Limits(idle=0.5))) as hamms:
        async with await connect(hamms, "status") as client:
            await client.send_all(GET)
            answer = await read_all(client)
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_body_that_never_arrives_ends_the_connection(hosting: HostModes) -> None:
    async with hosting(environment=Environment(limits=Limits(body=0.05))) as hamms:
        async with await connect(hamms, "status") as client:
            await client.send_all(
                b"POST / HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 5\r\n\r\nab"
            )
            answer = await read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_the_connection_of_a_lingering_client_is_closed(hosting: HostModes) -> None:
    async with hosting(environment=Environment(limits=Limits(linger=0.05))) as hamms:
        async with await connect(hamms, "tcp-accept-close") as client:
            assert await read_all(client) == b""
            await hamms.ledger.wait_until(lambda ledger: not ledger.open_connections())
            (record,) = hamms.ledger.connections()
            assert (record.left, record.ended) == (None, Ending.FIN)


async def test_empty_lines_do_not_keep_an_idle_connection(hosting: HostModes) -> None:
    async with hosting(environment=Environment(limits=Limits(idle=0.05, head=5))) as hamms:
        async with await connect(hamms, "status") as client:
            await client.send_all(b"\r\n")
            assert await read_all(client) == b""


async def test_a_client_that_never_reads_times_out(hosting: HostModes) -> None:
    async with hosting([flood], environment=Environment(limits=Limits(send=0.05))) as hamms:
        async with await connect(hamms, "flood"):
            await hamms.ledger.wait_until(lambda ledger: bool(ledger.connections()))
            await hamms.ledger.wait_until(lambda ledger: not ledger.open_connections())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"fff\r\n%b\r\n" % bytes(0xFFF) * 20, 413),
        (b"Content-Length: 9\r\n\r\nkey=", 408),
    ],
)
async def test_a_broken_body_gets_an_error_and_a_close(
    hosting: HostModes, body: bytes, status: int
) -> None:
    async with hosting(environment=Environment(limits=Limits(body=0.05))) as hamms:
        async with await connect(hamms, "retries") as client:
            await client.send_all(b"POST /counters HTTP/1.1\r\nHost: hamms.test\r\n" + body)
            answer = await read_all(client)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer


async def test_the_ledger_counts_a_body_with_its_own_request(hosting: HostModes) -> None:
    async with hosting() as hamms, await connect(hamms, "status") as client:
        head = b"POST / HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 5\r\n\r\n"
        await client.send_all(head + b"12345" + LAST_GET)
        answer = await read_all(client)
        first, second = hamms.ledger.requests()
        assert (first.octets, second.octets) == (len(head) + 5, len(LAST_GET))
        assert first.octets_sent + second.octets_sent == len(answer)
        assert [first.status, second.status] == [200, 200]


async def test_too_large_a_head_gets_431(hosting: HostModes) -> None:
    async with hosting() as hamms, await connect(hamms, "status") as client:
        await client.send_all(b"GET / HTTP/1.1\r\nHost: hamms.test\r\nX: " + b"x" * 70_000)
        assert (await read_all(client)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("length", [b"Content-Length: 104857600", b"Transfer-Encoding: chunked"])
async def test_a_body_of_100_mib_is_read_and_discarded(hosting: HostModes, length: bytes) -> None:
    megabyte = bytes(1024 * 1024)
    chunk = b"%x\r\n%b\r\n" % (len(megabyte), megabyte) if b"chunked" in length else megabyte
    async with hosting() as hamms, await connect(hamms, "status") as client:
        await client.send_all(b"PUT / HTTP/1.1\r\nHost: hamms.test\r\n" + length + b"\r\n\r\n")
        for _ in range(100):
            await client.send_all(chunk)
        await client.send_all((b"0\r\n\r\n" if b"chunked" in length else b"") + LAST_GET)
        answer = await read_all(client)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_a_thousand_pipelined_requests_are_answered_in_order(hosting: HostModes) -> None:
    statuses = [200 + number % 800 for number in range(1000)]
    requests = b"".join(
        b"GET /?status=%d HTTP/1.1\r\nHost: hamms.test\r\n\r\n" % status for status in statuses
    )
    async with hosting() as hamms, await connect(hamms, "status") as client:
        await client.send_all(requests + LAST_GET)
        answer = await read_all(client)
    answered = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert answered == [*statuses, 200]


async def test_a_half_closing_client_gets_its_answer(hosting: HostModes) -> None:
    async with hosting() as hamms, await connect(hamms, "pace-first-byte") as client:
        await client.send_all(GET.replace(b"/ ", b"/?sleep=20 "))
        await client.send_eof()
        assert b" 200 OK" in await read_all(client)


async def test_a_client_that_never_reads_delays_no_other(hosting: HostModes) -> None:
    async with hosting([flood, CATALOGUE["status"]]) as hamms:
        async with await connect(hamms, "flood"), await connect(hamms, "status") as client:
            await client.send_all(LAST_GET)
            assert b" 200 OK" in await read_all(client)


async def test_a_client_that_reads_fast_delays_no_other(hosting: HostModes) -> None:
    async with hosting([flood, CATALOGUE["status"]]) as hamms, trio.open_nursery() as nursery:
        greedy = await connect(hamms, "flood")

        async def read() -> None:
            async for _ in greedy:
                pass

        nursery.start_soon(read)
        async with await connect(hamms, "status") as client:
            await client.send_all(LAST_GET)
            assert b" 200 OK" in await read_all(client)
        nursery.cancel_scope.cancel()
    await greedy.aclose()


async def test_a_bad_parameter_keeps_the_connection(hosting: HostModes) -> None:
    async with hosting() as hamms, await connect(hamms, "pace-first-byte") as client:
        await client.send_all(GET.replace(b"/ ", b"/?sleep=-1 ") + LAST_GET)
        answer = await read_all(client)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"400", b"200"]


async def test_two_hundred_clients_in_turn_leave_no_open_connection(hosting: HostModes) -> None:
    async with hosting([CATALOGUE["status"]]) as hamms:
        for _ in range(200):
            async with await connect(hamms, "status") as client:
                await client.send_all(LAST_GET)
                assert b" 200 OK" in await read_all(client)
        await hamms.ledger.wait_until(lambda ledger: not ledger.open_connections())
        assert {record.left for record in hamms.ledger.connections()} == {Ending.FIN}
