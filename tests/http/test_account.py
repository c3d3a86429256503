"""The account of a server: access log, metrics, Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hamms_trio.http import Router, Service, text
from hamms_trio.http.accounting.access_log import AccessLog, LogFormat
from hamms_trio.http.accounting.metrics import snapshot
from hamms_trio.http.exchange.conversation import Conversation
from tests.http.conversations import CLIENT, get, make_service, post, read_answers, talk
from tests.http.server import serving
from tests.wire.pieces import Way, in_two, whole

KEYS = {
    "total_requests", "active_connections", "open_connections", "inflight_requests",
    "requests_reused_connection", "status_counts", "latency_buckets_ms", "bytes_sent_total",
    "read_errors_by_type", "write_errors_by_type", "error_counts_by_class", "requests_by_route",
    "status_by_route", "latency_by_route_ms", "latency_p99_ms", "request_trace_id", "drain_state",
    "drain_inflight_remaining", "drain_elapsed_ms", "metrics_backend", "engine",
}  # fmt: skip


def log_of(service: Service, log_format: LogFormat) -> list[bytes]:
    """Collect the lines that a server logs from now on."""
    lines: list[bytes] = []
    log = AccessLog(service, log_format, lines.append)
    service.account.log_to(log.write, log.flush)
    return lines


def logged(
    log_format: LogFormat, pieces: Iterable[bytes], *, service: Service | None = None
) -> list[str]:
    service = service or make_service()
    lines = log_of(service, log_format)
    talk(pieces, service=service)
    service.account.settle()
    return b"".join(lines).decode().splitlines()


def test_a_json_line_has_every_member_of_an_answer() -> None:
    first, second = logged(
        LogFormat.JSON, [get("/", "X-Request-ID: abc"), get('/no"such\\path?a=b')]
    )

    assert json.loads(first) == {
        "time": "2001-09-09T01:46:40.000Z",
        "client": "192.0.2.1",
        "method": "GET",
        "path": "/",
        "status": 200,
        "engine": "trio",
        "connection_id": 1,
        "request_id": 1,
        "bytes_in": len(get("/", "X-Request-ID: abc")),
        "bytes_out": 216,
        "latency_ms": 0.0,
        "connection_reused": False,
        "route_key": "GET /",
        "trace_id": "abc",
        "shutdown_phase": "running",
        "drain_elapsed_ms": 0,
    }
    assert json.loads(second)["path"] == '/no"such\\path'
    assert json.loads(second)["connection_reused"] is True
    assert json.loads(second)["route_key"] == "other"


def test_a_plain_line_has_the_same_values_as_a_json_line() -> None:
    (line,) = logged(
        LogFormat.PLAIN, [get("/echo/x", "traceparent: 00-" + "ab" * 16 + "-" + "cd" * 8 + "-01")]
    )

    time, *pairs = line.split(" ", 1)[0], *line.split(" ", 1)[1].replace("PUT /", "PUT_/").split()
    assert time == "2001-09-09T01:46:40.000Z"
    entry = dict(pair.split("=", 1) for pair in pairs)
    assert entry["status"] == "405"
    assert entry["route_key"] == '"other"'
    assert entry["trace_id"] == "ab" * 16
    assert entry["duration_ms"] == "0.00"


def test_a_route_key_with_any_character_is_escaped_in_the_log() -> None:
    service = make_service()
    service.router.fixed("GET", '/a"b\\c', text("found"))
    (line,) = logged(LogFormat.JSON, [get('/a"b\\c')], service=service)
    assert json.loads(line)["route_key"] == 'GET /a"b\\c'


def test_servers_of_one_process_may_log_differently() -> None:
    for log_format in (LogFormat.PLAIN, LogFormat.JSON, LogFormat.PLAIN):
        service = make_service()
        lines = log_of(service, log_format)
        Conversation(service, CLIENT).turn_away()
        service.account.settle()
        (line,) = lines
        assert (b" method=- " in line) is (log_format is LogFormat.PLAIN)
        assert (b'"method": "-"' in line) is (log_format is LogFormat.JSON)


def test_a_line_names_the_shutdown_phase_of_its_answer() -> None:
    service = make_service()
    lines = log_of(service, LogFormat.JSON)
    talk([get("/")], service=service)
    service.drain()
    talk([get("/")], service=service)
    service.account.settle()
    entries = [json.loads(line) for line in b"".join(lines).splitlines()]
    assert [line["shutdown_phase"] for line in entries] == ["running", "draining"]


async def test_an_answer_before_a_drain_is_logged_as_running(hub_kind: str) -> None:
    router = Router()
    router.fixed("GET", "/", text("Hello World"))
    async with serving(router, hub=hub_kind) as server:
        lines = log_of(server.service, LogFormat.JSON)
        async with await server.connect() as client:
            await client.send_all(get("/"))
            await client.receive_some()
            await server.server.drain(1.0)
    (line,) = lines
    assert json.loads(line)["shutdown_phase"] == "running"


CHUNKED = "Transfer-Encoding: chunked"
CHUNK = b"3\r\nabc\r\n"
# Octets that were sent, and their route key, method and path in the log.
REFUSED: dict[str, tuple[bytes, str, str, str]] = {
    "no request": (b"\0\r\n", "request/malformed", "-", "-"),
    "another version": (b"GET /a?b HTTP/2.0\r\n", "request/bad_request", "GET", "/a"),
    "a method in lower case": (get("/a").replace(b"GET", b"get"), "request/bad_request", "get", "/a"),
    "an unknown method": (get("/a").replace(b"GET", b"BREW"), "request/bad_request", "BREW", "/a"),
    "an unknown coding": (post("/a", "Transfer-Encoding: gzip"), "request/bad_request", "POST", "/a"),
    "a field that is none": (get("/a#b", "X"), "request/malformed", "GET", "/a"),
    "a long target": (get("/" + "a" * 3000), "request/header_too_large", "GET", "/" + "a" * 2047),
    "a long head": (get("/a", "X: " + "a" * 20000), "request/header_too_large", "GET", "/a"),
    "an expectation": (get("/", "Expect: tea"), "request/bad_request", "GET", "/"),
    "a long body": (post("/submit", "Content-Length: 600000"), "request/too_large", "POST", "/submit"),
}  # fmt: skip


@pytest.mark.parametrize("way", [whole, in_two])
@pytest.mark.parametrize(("octets", "key", "method", "path"), REFUSED.values(), ids=REFUSED)
def test_a_refused_request_is_logged_with_its_known_parts(
    octets: bytes, key: str, method: str, path: str, way: Way
) -> None:
    pieces = way(octets)
    (line,) = logged(LogFormat.JSON, pieces)

    entry = json.loads(line)
    assert entry["status"] >= 400
    assert entry["route_key"] == key
    if entry["bytes_in"] == len(octets):
        assert (entry["method"], entry["path"]) == (method, path)
    else:  # refused as soon as nothing could mend it
        assert entry["bytes_in"] == len(pieces[0])


@pytest.mark.parametrize(
    ("rest", "key"),
    [
        (b"80000\r\n", "request/too_large"),
        (b"-\r\n", "request/malformed"),
        (b"0\r\n" + b"X: a\r\n" * 300, "request/header_too_large"),
    ],
)
def test_a_refused_body_is_logged_with_its_received_octets(rest: bytes, key: str) -> None:
    head = post("/submit", CHUNKED)
    (line,) = logged(LogFormat.JSON, [head, CHUNK, rest])

    entry = json.loads(line)
    assert (entry["method"], entry["path"], entry["route_key"]) == (
        "POST",
        "/submit",
        key,
    )
    assert entry["bytes_in"] == len(head) + len(b"abc")


def test_a_refused_request_keeps_the_id_of_its_client() -> None:
    (line,) = logged(
        LogFormat.JSON, [post("/submit", "Content-Length: 600000", "X-Request-ID: a1")]
    )

    assert json.loads(line)["trace_id"] == "a1"


def test_a_late_request_is_logged_with_the_octets_that_came() -> None:
    for octets, path in ((b"GET /slow HTTP/1", "/slow"), (post("/submit", CHUNKED), "/submit")):
        service = make_service()
        lines: list[bytes] = []
        log = AccessLog(service, LogFormat.JSON, lines.append)
        service.account.log_to(log.write, log.flush)
        _, conversation = talk([octets], service=service)
        conversation.on_deadline()
        service.account.settle()
        entry = json.loads(b"".join(lines))
        assert (entry["status"], entry["path"], entry["bytes_in"]) == (
            408,
            path,
            len(octets),
        )
        assert entry["route_key"] == "request/timeout"


def test_a_refused_head_request_gets_no_body() -> None:
    head = get("/submit").replace(b"GET", b"HEAD")
    for octets in (head.replace(b"1.1", b"1.2"), head.replace(b"Host", b"Ho st")):
        answered, _ = talk([octets])
        assert answered.endswith(b"\r\n\r\n")


def test_metrics_have_the_keys_that_clients_know() -> None:
    service = make_service()
    answered, _ = talk(
        [get("/"), get("/echo/a"), get("/nothing"), get("/_metrics")], service=service
    )
    metrics = json.loads(read_answers(answered)[-1].body)

    assert set(metrics) == KEYS
    assert metrics["total_requests"] == 3
    assert metrics["requests_by_route"] == {"GET /": 1, "other": 2}
    assert metrics["status_by_route"]["other"] == {"404": 1, "405": 1}
    assert metrics["status_counts"] == {"200": 1, "404": 1, "405": 1}
    assert metrics["latency_buckets_ms"] == {"<= 5ms": 3}
    assert metrics["latency_by_route_ms"]["GET /"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0}
    assert metrics["inflight_requests"] == 1
    assert metrics["requests_reused_connection"] == 2
    assert metrics["drain_state"] == "running"


def test_unlimited_paths_make_a_limited_number_of_metrics() -> None:
    service = make_service()
    for number in range(2000):
        talk([get(f"/random/{number}"), get(f"/status/{200 + number % 300}")], service=service)

    assert set(snapshot(service)["requests_by_route"]) == {"other", "GET /status/{status}"}  # type: ignore[call-overload]


def test_prometheus_can_read_the_metrics() -> None:
    service = make_service()
    answered, _ = talk([get("/"), get("/"), get("/no"), get("/metrics")], service=service)
    *_, metrics = read_answers(answered)
    families = {f.name: f for f in text_string_to_metric_families(metrics.body.decode())}

    assert metrics.fields["content-type"].startswith("text/plain; version=0.0.4")
    requests = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["hamms_requests"].samples
        if sample.name.endswith("_total")
    }
    assert requests == {("GET /", "200"): 2, ("other", "404"): 1}
    buckets = [
        sample.value
        for sample in families["hamms_request_duration_seconds"].samples
        if sample.name.endswith("_bucket") and sample.labels["route"] == "GET /"
    ]
    assert buckets == [2] * 11


def test_errors_are_counted_by_class() -> None:
    service: Service = make_service()
    for octets in (b"\0", b"GET / HTTP/3.0\r\n", get("/bug")):
        talk([octets], service=service)

    counts = snapshot(service)["error_counts_by_class"]
    assert counts == {"read": 0, "write": 0, "parse": 2, "dispatch": 1, "tls_handshake": 0}


def test_broken_connections_are_counted_by_class() -> None:
    service = make_service()
    service.account.read_errors["ConnectionResetError"] += 2
    service.account.write_errors["Timeout"] += 1

    metrics, _ = talk([get("/metrics")], service=service)
    assert snapshot(service)["error_counts_by_class"] == service.account.errors_by_class
    assert b'hamms_errors_total{class="read"} 2.0' in metrics
    assert b'hamms_errors_total{class="write"} 1.0' in metrics


@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize(
    "target",
    ["http://user:s3cret@a/b", "//user:s3cret@a/b", "user:s3cret@a:80", "/b?token=s3cret"],
)
def test_no_secret_of_a_target_is_logged_or_answered(target: str, log_format: LogFormat) -> None:
    service = make_service()
    lines = log_of(service, log_format)
    asked = (f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n", f"GET {target}  HTTP/1.1\r\n\r\n")
    answered = b"".join(talk([octets.encode()], service=service)[0] for octets in asked)
    service.account.settle()
    assert len(lines) == 1
    assert b"s3cret" not in answered + b"".join(lines)
