"""What the server tells of what it did: access log, metrics, Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hamms_trio.server import Service
from hamms_trio.server.access_log import AccessLog, LogFormat
from hamms_trio.server.metrics import snapshot
from tests.server.talking import make_service, read_answers, talk

KEYS = {
    "total_requests", "active_connections", "open_connections", "inflight_requests",
    "requests_reused_connection", "status_counts", "latency_buckets_ms", "bytes_sent_total",
    "read_errors_by_type", "write_errors_by_type", "error_counts_by_class", "requests_by_route",
    "status_by_route", "latency_by_route_ms", "latency_p99_ms", "request_trace_id", "drain_state",
    "drain_inflight_remaining", "drain_elapsed_ms", "engine",
}  # fmt: skip


def get(path: str, *fields: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: a", *fields, "", "")).encode()


def logged(log_format: LogFormat, pieces: Iterable[bytes]) -> list[str]:
    service = make_service()
    lines: list[bytes] = []
    service.account.log_to(AccessLog(service, log_format, lines.append).write)
    talk(pieces, service=service)
    service.account.settle()
    return b"".join(lines).decode().splitlines()


def test_a_json_line_says_all_of_an_answer() -> None:
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
        "bytes_out": 225,
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


def test_a_plain_line_says_the_same() -> None:
    (line,) = logged(
        LogFormat.PLAIN, [get("/echo/x", "traceparent: 00-" + "ab" * 16 + "-" + "cd" * 8 + "-01")]
    )

    time, *pairs = line.split(" ", 1)[0], *line.split(" ", 1)[1].replace("PUT /", "PUT_/").split()
    assert time == "2001-09-09T01:46:40.000Z"
    told = dict(pair.split("=", 1) for pair in pairs)
    assert told["status"] == "405"
    assert told["route_key"] == '"other"'
    assert told["trace_id"] == "ab" * 16
    assert told["duration_ms"] == "0.00"


@pytest.mark.parametrize("octets", [b"\0\r\n", b"GET / HTTP/2.0\r\n", get("/" + "a" * 3000)])
def test_what_is_no_request_is_logged_too(octets: bytes) -> None:
    (line,) = logged(LogFormat.JSON, [octets])

    assert json.loads(line)["path"] == "-"
    assert json.loads(line)["route_key"].startswith("request/")


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


def test_paths_without_end_make_no_metrics_without_end() -> None:
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


def test_connections_that_broke_are_in_their_class_too() -> None:
    service = make_service()
    service.account.read_errors["ConnectionResetError"] += 2
    service.account.write_errors["Timeout"] += 1

    told, _ = talk([get("/metrics")], service=service)
    assert snapshot(service)["error_counts_by_class"] == service.account.errors_by_class
    assert b'hamms_errors_total{class="read"} 2.0' in told
    assert b'hamms_errors_total{class="write"} 1.0' in told
