"""Loads on real servers, good ones and failure modes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from hamms_trio import HammsServer
from hamms_trio.load.counts.tally import Failure
from hamms_trio.load.plan import Plan
from hamms_trio.load.run import EndedBy
from hamms_trio.net.hubs import epoll_hub
from tests.conftest import HUBS
from tests.lab.servers import open_sockets
from tests.load.loads import ANSWER, Requests, answering, make, serving

# Bounded in count, so that how fast this machine is decides nothing; and in time, generously.
FEW = Plan(concurrency=4, requests=20, duration=30.0, timeout=20.0)
IMPATIENT = replace(FEW, concurrency=2, requests=4, timeout=0.2)

pytestmark = pytest.mark.parametrize("over", HUBS)


async def test_every_request_is_answered_on_connections_that_are_kept(
    hamms: HammsServer, over: str
) -> None:
    outcome = await make(hamms.url("status"), FEW, over=over)

    assert outcome.ended_by is EndedBy.REQUESTS
    assert outcome.tally.statuses == {200: 20}
    assert not outcome.tally.failures
    assert outcome.tally.connections.opened == 4
    assert outcome.tally.connections.reopened == 0
    records = hamms.ledger.requests("status")
    assert outcome.tally.octets_sent == sum(record.octets for record in records)
    assert outcome.tally.octets_received == sum(record.octets_sent for record in records)


async def test_without_keepalive_each_request_has_a_connection(
    hamms: HammsServer, over: str
) -> None:
    outcome = await make(hamms.url("status"), replace(FEW, keepalive=False), over=over)

    assert outcome.tally.statuses == {200: 20}
    assert outcome.tally.connections.opened == 20
    assert outcome.tally.connections.reopened == 0
    assert len(hamms.ledger.connections("status")) == 20
    assert {dict(r.fields)["Connection"] for r in hamms.ledger.requests("status")} == {"close"}


@pytest.mark.parametrize(
    ("slug", "parameters", "failure"),
    [
        ("tcp-accept-hang", {}, Failure.TIMEOUT),
        ("tcp-accept-close", {}, Failure.CLOSED),
        ("tcp-close-after-data", {}, Failure.CLOSED),
        ("tcp-drop-random", {"failrate": 1}, Failure.RESET),
        ("status-garbage", {}, Failure.MALFORMED),
        ("status-garbage-at-connect", {}, Failure.MALFORMED),
        ("frame-cl-short-fin", {}, Failure.TRUNCATED),
        ("frame-cl-short-hang", {}, Failure.TIMEOUT),
        ("head-size", {"size": 100_000}, Failure.MALFORMED),
        ("pace-first-byte", {"sleep": 30}, Failure.TIMEOUT),
        ("pace-byte", {"interval": 1}, Failure.TIMEOUT),
    ],
)
async def test_a_failure_has_its_name(
    hamms: HammsServer, over: str, slug: str, parameters: dict[str, object], failure: Failure
) -> None:
    plan = IMPATIENT if failure is Failure.TIMEOUT else FEW
    outcome = await make(hamms.url(slug, "/", **parameters), plan, over=over)

    assert outcome.tally.failures == {failure: plan.requests}
    assert outcome.tally.details[failure]
    assert not outcome.tally.answered
    assert outcome.tally.connections.opened >= plan.requests / plan.concurrency
    in_vain = plan.requests if failure is Failure.TIMEOUT else 0
    assert outcome.tally.latencies.count == in_vain


async def test_a_refused_connection_ends_a_load_at_once(hamms: HammsServer, over: str) -> None:
    outcome = await make(hamms.url("tcp-refused"), FEW, over=over)

    assert outcome.ended_by is EndedBy.UNREACHABLE
    assert outcome.tally.failures == {Failure.CONNECT_REFUSED: 4}
    assert outcome.tally.connections.failed == 4


async def test_a_rate_is_kept_however_late_timers_are(
    hamms: HammsServer, over: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoll_hub, "COALESCING_TIMERS", 0)  # as if there were thousands of clients
    monkeypatch.setattr(epoll_hub, "COALESCING_SECONDS", 1000.0)
    outcome = await make(hamms.url("status"), replace(FEW, rate=500.0), over=over)

    assert outcome.ended_by is EndedBy.REQUESTS
    assert outcome.tally.statuses == {200: 20}


async def test_octets_after_a_response_cost_its_connection(hamms: HammsServer, over: str) -> None:
    outcome = await make(hamms.url("frame-cl-long"), FEW, over=over)

    assert outcome.tally.statuses == {200: 20}
    assert outcome.tally.connections.surplus == 20


@pytest.mark.parametrize("status", [204, 304, 404, 503, 799])
async def test_answers_are_counted_by_status(hamms: HammsServer, over: str, status: int) -> None:
    outcome = await make(hamms.url("status", status=status), FEW, over=over)
    assert outcome.tally.statuses == {status: 20}


async def test_a_head_request_does_not_wait_for_a_body(hamms: HammsServer, over: str) -> None:
    outcome = await make(hamms.url("status"), FEW, over=over, method="HEAD")

    assert outcome.tally.statuses == {200: 20}
    assert {record.method for record in hamms.ledger.requests("status")} == {"HEAD"}


async def test_a_drip_of_octets_is_an_answer(hamms: HammsServer, over: str) -> None:
    outcome = await make(hamms.url("pace-byte", interval=0), FEW, over=over)
    assert outcome.tally.statuses == {204: 20}


async def test_some_of_the_failures_are_between_answers(hamms: HammsServer, over: str) -> None:
    plan = replace(FEW, requests=200)
    outcome = await make(hamms.url("tcp-drop-random", failrate=0.5), plan, over=over)

    resets = outcome.tally.failures[Failure.RESET]
    assert resets
    assert outcome.tally.answered == 200 - resets
    assert outcome.tally.connections.reopened >= resets - plan.concurrency


async def test_a_large_body_reaches_a_slow_server(over: str) -> None:
    body = b"0123456789" * 500_000
    received: list[bytes] = []

    async def play(stream: trio.abc.Stream) -> None:
        requests = Requests(stream)
        while head := await requests.next():
            assert head.startswith(b"POST / HTTP/1.1\r\n")
            received.append(await requests.body(len(body)))
            await stream.send_all(ANSWER)

    async with serving(play) as url:
        plan = replace(FEW, concurrency=2, requests=4, pipeline_depth=2)
        outcome = await make(url, plan, over=over, body=body)
    assert outcome.tally.statuses == {200: 4}
    assert received == [body] * 4


async def test_a_pipeline_has_so_many_requests_out_at_once(over: str) -> None:
    most = 0

    async def play(stream: trio.abc.Stream) -> None:
        nonlocal most
        requests = Requests(stream)
        while await requests.next():
            most = max(most, 1 + requests.waiting)
            await stream.send_all(ANSWER)

    plan = replace(FEW, concurrency=2, requests=400, pipeline_depth=16)
    async with serving(play) as url:
        outcome = await make(url, plan, over=over)
    assert outcome.tally.statuses == {200: 400}
    assert 1 < most <= 16


async def test_unanswered_pipelined_requests_are_resent_after_connection_close(over: str) -> None:
    async def one_answer(stream: trio.abc.Stream) -> None:
        await Requests(stream).next()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    async with serving(one_answer) as url:
        outcome = await make(url, replace(FEW, pipeline_depth=4), over=over)
    assert outcome.tally.statuses == {200: 20}
    assert not outcome.tally.failures
    assert outcome.tally.connections.resent >= 4
    assert outcome.tally.connections.opened == 20


async def test_a_body_may_end_with_the_connection(over: str) -> None:
    async def until_close(stream: trio.abc.Stream) -> None:
        await Requests(stream).next()
        await stream.send_all(b"HTTP/1.0 200 OK\r\n\r\nsome octets")

    async with serving(until_close) as url:
        outcome = await make(url, FEW, over=over)
    assert outcome.tally.statuses == {200: 20}


async def test_chunks_and_interim_responses_are_read(over: str) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (n, b"x" * n) for n in range(1, 3000, 100))
    answer = (
        b"HTTP/1.1 103 Early Hints\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    async with serving(answering(answer)) as url:
        outcome = await make(url, FEW, over=over)
    assert outcome.tally.statuses == {200: 20}
    assert outcome.tally.interim == 20


async def test_large_answers_are_read(over: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    async with serving(answering(answer)) as url:
        outcome = await make(url, FEW, over=over)
    assert outcome.tally.statuses == {200: 20}
    assert outcome.tally.octets_received == 20 * len(answer)


async def test_ipv6_is_spoken(over: str) -> None:
    try:
        async with serving(answering(), host="::1") as url:
            outcome = await make(url, FEW, over=over)
    except* OSError:
        pytest.skip("this machine has no IPv6")
    assert outcome.tally.statuses == {200: 20}


async def test_the_address_that_answers_is_chosen_among_several(over: str) -> None:
    async with serving(answering()) as url:
        outcome = await make(url.replace("127.0.0.1", "localhost"), FEW, over=over)
    assert outcome.tally.statuses == {200: 20}


@pytest.mark.parametrize("keepalive", [True, False])
@pytest.mark.parametrize("seconds", [0.0, 60.0], ids=["answered", "in vain"])
async def test_no_socket_is_left(over: str, seconds: float, keepalive: bool) -> None:
    before = open_sockets()
    async with serving(answering(seconds=lambda _number: seconds)) as url:
        await make(url, replace(IMPATIENT, keepalive=keepalive), over=over)
    assert open_sockets() == before


@pytest.mark.parametrize("rate", [None, 1000.0])
async def test_a_load_does_not_outlast_its_duration_by_more_than_its_timeout(
    hamms: HammsServer, over: str, rate: float | None
) -> None:
    plan = replace(FEW, requests=10**9, duration=0.3, rate=rate)
    outcome = await make(hamms.url("status"), plan, over=over)

    assert outcome.ended_by is EndedBy.DURATION
    assert outcome.window == pytest.approx(0.3, abs=0.01)
    assert outcome.tally.answered >= outcome.answered_within > 0
    assert not outcome.tally.failures
    if rate is not None:
        assert outcome.tally.answered == 300
