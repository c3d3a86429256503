"""The cost of the workbench's records: of a request that is recorded, of a page of the history, of live events."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.children import Server, load
from bench.effort import Effort
from bench.errors import Unmeasurable
from bench.figures import OURS, AtMost, Below, Figure, interleave
from bench.servers import peer, workbench

CONNECTIONS = 64
SECONDS = 1.0
JSON_FILE = "JSON file"
TIMES_LESS = 50.0
MOCK = "/bench/mock"

ROWS = 100_000
PAGE_MS = 20.0
PAGES_A_SECOND = 20.0
PAGE_SECONDS = 1.5

AUDIENCES = ((1_000, 50.0), (50, 1_000.0))
AUDIENCE_SECONDS = 3.0
EVENT_MS = 100.0


def records(effort: Effort) -> list[Figure]:
    """Measure recorded requests beside uvicorn and a JSON file, pages of a long history, and live events."""
    return [*_requests(effort), *_pages(effort), *_events(effort)]


def _requests(effort: Effort) -> list[Figure]:
    with ExitStack() as stack:
        ours = stack.enter_context(_workbench())
        _add_mock(ours)
        state = Path(stack.enter_context(TemporaryDirectory())) / "state.json"
        servers = {
            OURS: ours,
            "uvicorn": stack.enter_context(peer("uvicorn_answer")),
            JSON_FILE: stack.enter_context(peer("json_file_answer", str(state))),
        }
        found = []
        for what, target in (("GET", "/"), ("a mock", MOCK)):
            samples = {
                name: partial(
                    load,
                    "exchange",
                    address=server.address(),
                    pid=server.pid,
                    connections=CONNECTIONS,
                    seconds=effort.seconds(SECONDS),
                    target=target,
                    varies="",
                )
                for name, server in servers.items()
            }
            figure = Figure(
                f"CPU of a recorded request on {CONNECTIONS} persistent connections, {what}",
                "us",
                (Below("uvicorn", 1.0), Below(JSON_FILE, TIMES_LESS)),
            )
            found += interleave(effort.rounds, samples, {"cpu_us": figure})
        return found


def _pages(effort: Effort) -> list[Figure]:
    rows = effort.count(ROWS)
    pages = {
        "the newest 500": "order=newest&limit=500",
        "1000 from the middle": f"cursor=o{rows // 2}&limit=1000",
        "500 of one status": "status=200&limit=500",
        "a path that no request has": "path=nothing",
    }
    found = []
    with _workbench("--history-limit", str(rows)) as server:
        load("wander", address=server.address(), pid=server.pid, requests=rows)
        for what, query in pages.items():
            sample = partial(
                load,
                "pace",
                address=server.address(),
                connections=1,
                seconds=effort.seconds(PAGE_SECONDS),
                rate=PAGES_A_SECOND,
                varies="",
                target=f"/api/history?{query}",
            )
            figures = {
                "p50_ms": Figure(f"page of {rows} rows, {what}, median", "ms"),
                "p99_ms": Figure(
                    f"page of {rows} rows, {what}, 99th percentile", "ms", (AtMost(PAGE_MS),)
                ),
            }
            found += interleave(effort.rounds, {OURS: sample}, figures)
    return found


def _events(effort: Effort) -> list[Figure]:
    found = []
    for clients, rate in AUDIENCES:
        subscribers = effort.count(clients)

        def sample(clients: int = subscribers, rate: float = rate) -> Mapping[str, float]:
            with _workbench() as server:
                return load(
                    "subscribers",
                    address=server.address(),
                    connections=clients,
                    rate=rate,
                    seconds=effort.seconds(AUDIENCE_SECONDS),
                )

        what = f"delay of {rate:g} events a second to {subscribers} subscribers"
        figures = {
            "p50_ms": Figure(f"{what}, median", "ms"),
            "p99_ms": Figure(f"{what}, 99th percentile", "ms", (AtMost(EVENT_MS),)),
        }
        found += interleave(effort.rounds, {OURS: sample}, figures)
    return found


@contextmanager
def _workbench(*options: str) -> Iterator[Server]:
    """Run the workbench with a state file of its own."""
    with (
        TemporaryDirectory() as folder,
        workbench("--state", f"{folder}/state.sqlite3", *options) as server,
    ):
        yield server


def _add_mock(server: Server) -> None:
    connection = http.client.HTTPConnection(*server.address(), timeout=5.0)
    mock = {"method": "GET", "path_pattern": MOCK, "status": 200, "body": "Hello World"}
    connection.request("POST", "/api/mocks", json.dumps(mock))
    status = connection.getresponse().status
    connection.close()
    if status != http.client.CREATED:
        raise Unmeasurable(f"a mock could not be created: {status}")
