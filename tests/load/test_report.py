"""The report of a load: each of its sentences, from a load that causes it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import trio
import trio.testing

from hamms_trio.cli.load.report import show, why_silent
from hamms_trio.load.plan import Plan
from hamms_trio.load.result import Result
from tests.load.loads import (
    ANSWER,
    Play,
    Requests,
    answering,
    load_in_memory,
    make_in_memory,
    result_of,
    waits,
)

FEW = Plan(concurrency=2, requests=20, duration=30.0, timeout=20.0)

Clock = trio.testing.MockClock


class Report:
    """The lines of a result's report."""

    def __init__(self, result: Result, capsys: pytest.CaptureFixture[str]) -> None:
        capsys.readouterr()
        show(result)
        self.lines = capsys.readouterr().out.splitlines()
        self.notes = [line[6:] for line in self.lines if line.startswith("note: ")]


async def report_of(
    plan: Plan, play: Play, capsys: pytest.CaptureFixture[str], *, accepts: float = 10**9
) -> Report:
    return Report(result_of(plan, await make_in_memory(plan, play, accepts=accepts)), capsys)


CLOSED_LOOP = "in a closed loop a slow answer delays the next request; see --rate"


async def test_the_report_says_how_the_load_was_made(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await report_of(FEW, answering(), capsys)
    assert report.lines[:2] == [
        "GET http://127.0.0.1:8080/ at 127.0.0.1:8080",
        "2 clients, kept connections, closed loop; the load made all its requests",
    ]
    assert report.notes == [CLOSED_LOOP]

    report = await report_of(replace(FEW, pipeline_depth=8), answering(), capsys)
    assert (
        "2 clients, kept connections, 8 requests at once on each, closed loop; " in report.lines[1]
    )

    report = await report_of(replace(FEW, keepalive=False, rate=1234.5), answering(), capsys)
    assert "2 clients, a connection for each request, 1,234.5 requests/s; " in report.lines[1]
    assert report.notes == [
        "latency counts from the intended start of a request, service from its real start"
    ]


async def test_the_report_says_how_the_load_ended(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await report_of(
        replace(FEW, requests=10**9, duration=1.0, rate=10.0), waits({}), capsys
    )
    assert report.lines[1].endswith("; the load ran for its whole duration")

    report = await report_of(FEW, answering(), capsys, accepts=0)
    assert report.lines[1].endswith("; the load could not connect")
    assert "connect_refused 2   (Connection refused)" in report.lines

    async with trio.open_nursery() as nursery:
        load = load_in_memory(replace(FEW, requests=10**9), nursery, waits({0: 1.0}))
        load.stop()
        report = Report(result_of(load.plan, await load.run()), capsys)
        nursery.cancel_scope.cancel()
    assert report.lines[1].endswith("; the load was interrupted")


async def test_the_report_counts_requests_and_connections(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ANSWER.replace(b"200 OK", b"503 Service Unavailable")
    report = await report_of(replace(FEW, keepalive=False), answering(error), capsys)

    assert report.lines[3].startswith("requests     20 in ")
    assert report.lines[3].endswith(" s: 20 answered, 20 errors (100.00%)")
    assert report.lines[6:8] == [
        "connections  20 opened, 0 failed, 0 reconnects",
        "status 503   20",
    ]


async def one_answer(after: bytes, stream: trio.abc.Stream) -> None:
    """Send ``after`` behind the first answer, and close the connection."""
    await Requests(stream).next()
    await stream.send_all(ANSWER + after)
    await stream.aclose()


async def last_answer(stream: trio.abc.Stream) -> None:
    """Answer one request with Connection: close, and close the connection."""
    await Requests(stream).next()
    await stream.send_all(ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    await stream.aclose()


async def test_surplus_octets_are_reported(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await report_of(FEW, partial(one_answer, b"junk"), capsys)
    assert report.notes == [
        CLOSED_LOOP,
        "20 connections carried octets that belong to no response",
    ]


async def test_resent_requests_are_reported(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = replace(FEW, concurrency=1, requests=4, pipeline_depth=4)
    report = await report_of(plan, last_answer, capsys)
    assert report.notes == [
        CLOSED_LOOP,
        "6 requests were sent again after the server closed a connection",
    ]


async def test_connections_closed_while_idle_are_reported(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = replace(FEW, concurrency=1, requests=10**9, duration=2.0, rate=10.0)
    report = await report_of(plan, partial(one_answer, b""), capsys)
    assert report.notes[1:] == ["20 connections were closed by the server between requests"]


@pytest.mark.parametrize(
    ("rate", "doubt"),
    [
        (None, "the server may be faster than this result"),
        (1000.0, "some of the latency may be the generator's"),
    ],
)
async def test_a_generator_at_its_limit_is_reported(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str], rate: float | None, doubt: str
) -> None:
    plan = replace(FEW, rate=rate)
    outcome = await make_in_memory(plan, answering())
    for elapsed, cpu, is_told in ((10.0, 9.6, True), (10.0, 9.4, False), (0.4, 0.4, False)):
        report = Report(result_of(plan, outcome, elapsed=elapsed, cpu=cpu), capsys)
        expected = [f"the generator used a whole processor: {doubt}"] if is_told else []
        assert report.notes[1:] == expected


async def test_an_interrupted_warm_up_does_not_blame_the_server(
    autojump_clock: Clock,
) -> None:
    async with trio.open_nursery() as nursery:
        plan = replace(FEW, requests=10**9, warmup=10.0)
        load = load_in_memory(plan, nursery, answering(seconds=lambda _number: 0.1))

        async def stop() -> None:
            await trio.sleep(1.0)
            load.stop()

        nursery.start_soon(stop)
        outcome = await load.run()
        nursery.cancel_scope.cancel()
    assert why_silent(result_of(plan, outcome)) == "127.0.0.1:8080 received no request that counts"


async def hang(stream: trio.abc.Stream) -> None:
    while await stream.receive_some():
        pass


async def close(stream: trio.abc.Stream) -> None:
    await Requests(stream).next()
    await stream.aclose()


async def break_off(stream: trio.abc.Stream) -> None:
    await Requests(stream).next()
    await stream.send_all(ANSWER[:-1])
    await stream.aclose()


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        (hang, "timeout: no complete answer in 20 seconds"),
        (close, "closed: the server closed the connection before it answered"),
        (break_off, "truncated: the connection ended within a response's body"),
        (answering(b"HTTP/1.1 OK\r\n\r\n"), "malformed: "),
    ],
)
async def test_a_silent_server_is_reported_with_the_reason(
    autojump_clock: Clock, play: Play, reason: str
) -> None:
    silent = why_silent(result_of(FEW, await make_in_memory(FEW, play)))
    assert silent.startswith(f"127.0.0.1:8080 answered nothing ({reason}")
    assert silent.endswith(")")
